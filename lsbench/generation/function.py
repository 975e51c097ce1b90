"""Python objects as generators: functions, classes, instances; from `py:module:attribute` or a registered name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.errors import GeneratorError, LsbenchError
from lsbench.face.track import FaceTrack
from lsbench.generation.generator import Generator, Rendered, told
from lsbench.media.clip import Clip


@dataclass(frozen=True)
class Function(Generator):
    """A callable (face: Clip, speech: float32 (N,)) -> uint8 frames (T, H, W, 3)."""

    function: Callable[[Clip, np.ndarray], np.ndarray | Rendered]

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> np.ndarray | Rendered:
        """What the callable returns."""
        return self.function(face, speech)


def find_object(target: str, who: str) -> Any:
    """What `module:attribute` names, modules of the working directory included; GeneratorError where there is none."""
    module, _, path = target.partition(":")
    if not module or not path:
        raise GeneratorError(f"{who}: expected py:module:attribute, such as py:mymodel:generate")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        found = import_module(module)
    except (Exception, SystemExit) as error:  # a module can fail in any way while it is imported
        raise GeneratorError(f"{who}: module {module} cannot be imported: {told(error)}") from error
    for name in path.split("."):
        if not hasattr(found, name):
            raise GeneratorError(f"{who}: module {module} has no attribute {path}")
        found = getattr(found, name)
    if not isinstance(found, Generator) and not callable(found):
        raise GeneratorError(f"{who}: {path} is a {type(found).__name__}; expected a callable or a Generator")
    return found


def as_generator(found: Any, who: str, argument: str | None = None) -> Generator:
    """A Generator, or a callable, as a generator; a class is made once, with the argument where one was given."""
    if isinstance(found, type):
        try:
            found = found() if argument is None else found(argument)
        except LsbenchError:
            raise
        except (Exception, SystemExit) as error:  # loading a model can fail in any way
            raise GeneratorError(f"{who} cannot be made: {told(error)}") from error
    elif argument is not None:
        raise GeneratorError(f"{who}: it takes no argument; leave out :{argument}")
    if isinstance(found, Generator):
        return found
    if not callable(found):
        raise GeneratorError(f"{who}: a {type(found).__name__} cannot be called; expected a callable or a Generator")
    return Function(found)
