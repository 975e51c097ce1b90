"""Python objects as generators: functions, classes, instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsbench.errors import GeneratorError, LsbenchError, in_one_line
from lsbench.face.track import FaceTrack
from lsbench.generation.generator import Generator, Rendered
from lsbench.media.clip import Clip


@dataclass(frozen=True)
class Function(Generator):
    """A callable (face: Clip, speech: float32 (N,)) -> uint8 frames (T, H, W, 3)."""

    function: Callable[[Clip, np.ndarray], np.ndarray | Rendered]

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> np.ndarray | Rendered:
        """What the callable returns."""
        return self.function(face, speech)


def as_generator(found: Any, who: str, argument: str | None = None) -> Generator:
    """A Generator, or a callable, as a generator; a class is made once, with the argument where one was given."""
    if isinstance(found, type):
        try:
            found = found() if argument is None else found(argument)
        except LsbenchError:
            raise
        except (Exception, SystemExit) as error:  # loading a model can fail in any way
            raise GeneratorError(f"{who} cannot be made: {in_one_line(error)}") from error
    elif argument is not None:
        raise GeneratorError(f"{who}: it takes no argument; leave out :{argument}")
    if isinstance(found, Generator):
        return found
    if not callable(found):
        raise GeneratorError(f"{who}: a {type(found).__name__} cannot be called; expected a callable or a Generator")
    return Function(found)
