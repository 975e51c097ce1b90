"""Where generated videos come from: a generator, or a folder of finished videos; parsed once, at the door."""

from __future__ import annotations

import functools
import pickle
import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsbench import registry
from lsbench.errors import GeneratorError, in_one_line
from lsbench.generation.command import Command, split_template
from lsbench.generation.function import as_generator
from lsbench.generation.generator import Generator
from lsbench.generation.standins import StandIn
from lsbench.media.files import content_sha256


@dataclass(frozen=True)
class Source:
    """A generator that was named and can be opened: pickled to other processes.

    Attributes:
        text: as it is spelled: `cmd:TEMPLATE`, `py:module:attribute`, or a registered `name` or `name:ARGUMENT`.
        label: a plain name for its runs: `lipgan-step9000` of `lipgan:out/step9000.pt`, `tool` of `cmd:python tool.py`.
        needs_track: see Generator.
        swaps_sound: see Generator.
        sees_answer: see Generator.
        own: the Python object itself, where that was given and not a spelling of it.
    """

    text: str
    label: str
    needs_track: bool = False
    swaps_sound: bool = False
    sees_answer: bool = False
    own: Any = field(default=None, compare=False)

    @functools.cached_property
    def signature(self) -> dict[str, Any]:
        """What can be known of why it makes what it makes: its spelling, and the sha256 of every file that it names."""
        return {"generator": self.text, "files": {str(file): content_sha256(file) for file in self.files}}

    @property
    def files(self) -> list[Path]:
        """The files that it names, as far as they are there."""
        kind, _, rest = self.text.partition(":")
        if self.own is not None:
            files = [_file_of(type(self.own).__module__), _file_of(getattr(self.own, "__module__", ""))]
        elif kind == "cmd":
            files = [Path(word) for word in split_template(rest)]
        else:
            named = [rest, rest.rpartition(":")[0]] if kind != "py" else []  # the second where options follow the file
            files = [_file_of(_target(self.text).partition(":")[0]), *map(Path, named)]
        return [file for file in files if file.is_file()]

    @property
    def short(self) -> str:
        """The spelling for messages, cut where it is long."""
        return self.text if len(self.text) <= 60 else f"{self.text[:57]}..."

    def demand_portable(self) -> None:
        """Raise GeneratorError where a Python object cannot be sent to other processes, as a lambda cannot."""
        try:
            pickle.dumps(self.own)
        except Exception as error:  # the ways in which another's object can fail to be pickled are many
            raise GeneratorError(
                f"{self.text} cannot be sent to other processes ({in_one_line(error)}); pass workers=1, or name it as "
                "py:module:attribute"
            ) from error

    def at_work(self) -> AbstractContextManager[None]:
        """What holds while it renders: the folder of the user's own module is looked into for what that imports."""
        return registry.own_folder() if self.own is None and self.text.startswith("py:") else nullcontext()

    def open(self, timeout_s: float, logs: Path | None) -> Generator:
        """The generator itself; one that is a Python object is made once a process.

        Args:
            timeout_s: of a program, see Command.
            logs: of a program, see Command.

        Raises:
            GeneratorError: where it cannot be made.
        """
        if self.own is not None:
            return as_generator(self.own, self.text)
        kind, _, rest = self.text.partition(":")
        return Command(rest, timeout_s, logs) if kind == "cmd" else _open_once(self.text)


def parse(generated: str | Path | Generator | Callable[..., Any]) -> Source | Path:
    """What was named: a generator, or the folder of finished videos. A folder that exists goes before a name.

    Args:
        generated: a folder, a spelling of a generator, or a Python object that is one.

    Returns:
        The generator, not yet opened; or the folder, which need not exist.

    Raises:
        GeneratorError: for a bare word that is neither, and for a generator that cannot be what it is said to be. Only
            a class given as an object is instantiated here.
    """
    if not isinstance(generated, str | Path):
        return _source_of(generated)
    text = str(generated)
    if not text.startswith(("cmd:", "py:")):
        if Path(text).exists():
            return Path(text)
        names = registry.table("generators", registry.GENERATORS)
        name = text.partition(":")[0]
        if name not in names:
            if re.fullmatch(r"[\w-]+(:.*)?", text):
                raise GeneratorError(f"{text}: no such folder; {registry.unknown('generator', name, names)}")
            return Path(text)
    return parse_generator(text)


def parse_generator(text: str) -> Source:
    """The generator of a spelling, not yet opened.

    Args:
        text: `cmd:TEMPLATE`, `py:module:attribute`, or a registered `name` or `name:ARGUMENT`.

    Raises:
        GeneratorError: where it is none, or cannot be what it is said to be.
    """
    kind, _, rest = text.partition(":")
    if kind == "cmd":
        words = [Path(word).stem for word in split_template(rest) if not word.startswith("-")]
        program = next((word for word in words if not re.fullmatch(r"(python|bash|sh|env)[\d.]*", word)), words[0])
        return Source(text, _label(program))
    if "/" in kind or Path(text).exists():
        raise GeneratorError(f"{text} is a folder or a path; expected a name, cmd:TEMPLATE or py:module:attribute")
    maker, _ = _object_of(text)
    parts = [rest] if kind == "py" else [kind, Path(rest).stem] if rest else [kind]
    if kind in registry.STANDINS:
        return Source(text, _label(*parts), StandIn.needs_track, StandIn.swaps_sound, StandIn.sees_answer)
    flags = (bool(getattr(maker, name, False)) for name in ("needs_track", "swaps_sound", "sees_answer"))
    return Source(text, _label(*parts), *flags)


def of_any(named: str | Source | Generator | Callable[..., Any]) -> Source:
    """A generator however it is given: spelled, parsed, or as a Python object."""
    if isinstance(named, Source):
        return named
    return parse_generator(named) if isinstance(named, str) else _source_of(named)


def _source_of(maker: Any) -> Source:
    """The generator that a Python object is; its text is the object's module and name."""
    opened = as_generator(maker, type(maker).__name__)
    name = getattr(maker, "__qualname__", type(maker).__qualname__)
    flags = (opened.needs_track, opened.swaps_sound, opened.sees_answer)
    return Source(f"{getattr(maker, '__module__', '')}:{name}", _label(name), *flags, own=opened)


def _label(*parts: str) -> str:
    return re.sub(r"[^\w.-]+", "-", "-".join(parts)).strip("-.") or "generator"


@functools.lru_cache(maxsize=1)
def _open_once(text: str) -> Generator:
    maker, argument = _object_of(text)
    if (kind := text.partition(":")[0]) in registry.STANDINS:
        return StandIn(kind, maker)
    with registry.own_folder() if kind == "py" else nullcontext():
        return as_generator(maker, text, argument)


def _target(text: str) -> str:
    """`module:attribute` of a spelling that is no program; GeneratorError where its name is not registered."""
    kind, _, rest = text.partition(":")
    if kind == "py":
        return rest
    return registry.find("generators", "generator", kind, registry.GENERATORS, GeneratorError)


def _object_of(text: str) -> tuple[Any, str | None]:
    """The Python object behind a spelling, and its argument where there is one."""
    kind, separator, rest = text.partition(":")
    target = _target(text)
    if kind == "py":
        maker, argument = registry.load_named(target, text, GeneratorError, own=True), None
    else:
        maker, argument = registry.load_named(target, text, GeneratorError), rest if separator else None
    if not isinstance(maker, Generator) and not callable(maker):
        name = target.partition(":")[2]
        raise GeneratorError(f"{text}: {name} is a {type(maker).__name__}; expected a callable or a Generator")
    if argument is not None and not isinstance(maker, type):
        raise GeneratorError(f"{text}: {kind} takes no argument; leave out :{argument}")
    return maker, argument


def _file_of(module: str) -> Path:
    return Path(getattr(sys.modules.get(module), "__file__", None) or "")
