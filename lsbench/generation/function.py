"""Python objects as generators: functions, classes, instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsbench.errors import GeneratorError, foreign
from lsbench.face.track import FaceTrack
from lsbench.generation.generator import Generator, Rendered
from lsbench.media.clip import Clip


@dataclass(frozen=True)
class Function(Generator):
    """A callable as a generator.

    Attributes:
        function: called with the face, a Clip, and the speech, float32 (N,) mono at the clip's sample rate; returns
            uint8 frames (T, H, W, 3), or Rendered.
    """

    function: Callable[[Clip, np.ndarray], np.ndarray | Rendered]

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> np.ndarray | Rendered:
        """What the callable returns."""
        return self.function(face, speech)


def as_generator(maker: Any, who: str, argument: str | None = None) -> Generator:
    """A Python object as a generator; a class is instantiated.

    Args:
        maker: a Generator, a callable, or a class of either.
        who: what to call it in errors.
        argument: passed to a class; only a class takes one.

    Raises:
        GeneratorError: where the class cannot be instantiated, the object is no generator, or it takes no argument.
        LsbenchError: as the class raised it.
    """
    if isinstance(maker, type):
        with foreign(lambda said: GeneratorError(f"{who} cannot be made: {said}")):
            maker = maker() if argument is None else maker(argument)
    elif argument is not None:
        raise GeneratorError(f"{who}: it takes no argument; leave out :{argument}")
    if isinstance(maker, Generator):
        return maker
    if not callable(maker):
        raise GeneratorError(f"{who}: a {type(maker).__name__} cannot be called; expected a callable or a Generator")
    return Function(maker)
