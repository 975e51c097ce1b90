"""How a generator is spelled: `cmd:TEMPLATE`, `py:module:attribute`, or a registered `name` or `name:ARGUMENT`."""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path
from typing import Any

from lsbench import registry
from lsbench.errors import GeneratorError
from lsbench.generation.command import Command, split_template
from lsbench.generation.function import as_generator, find_object
from lsbench.generation.generator import Generator
from lsbench.generation.standins import StandIn
from lsbench.media.files import content_sha256


def is_generator(generated: str | Path) -> bool:
    """Whether it names a generator; else it is a folder of videos. A folder that exists goes before a name.

    Raises GeneratorError for a bare word that is neither.
    """
    text = str(generated)
    if text.startswith(("cmd:", "py:")):
        return True
    if Path(text).exists():
        return False
    known = registry.table("generators", registry.GENERATORS)
    if _split(text)[0] in known:
        return True
    if re.fullmatch(r"[\w-]+(:.*)?", text):
        raise GeneratorError(f"{text}: no such folder; {registry.unknown('generator', _split(text)[0], known)}")
    return False


def check(text: str) -> None:
    """Raise GeneratorError where the generator cannot be what it is said to be; nothing is made or run yet."""
    kind, rest = _split(text)
    if kind == "cmd":
        split_template(rest)
    else:
        _found(text)


def open_generator(text: str, timeout_s: float, logs: Path | None) -> Generator:
    """The generator; a Python object is made once a process. timeout_s, logs: of a program (see Command)."""
    kind, rest = _split(text)
    return Command(rest, timeout_s, logs) if kind == "cmd" else _opened(text)


@functools.lru_cache(maxsize=1)
def _opened(text: str) -> Generator:
    found, argument = _found(text)
    if (kind := _split(text)[0]) in registry.STANDINS:
        return StandIn(kind, found)
    return as_generator(found, text, argument)


def needs_track(text: str) -> bool:
    """Whether the generator itself wants the landmarks of the face."""
    kind, _ = _split(text)
    return kind in registry.STANDINS or (kind != "cmd" and getattr(_found(text)[0], "needs_track", False))


def swaps_sound(text: str) -> bool:
    """Whether the generator is driven by another clip's sound, whatever the protocol says."""
    return _split(text)[0] not in ("cmd", *registry.STANDINS) and getattr(_found(text)[0], "swaps_sound", False)


def label(text: str) -> str:
    """A plain name for its runs: `lipgan-step9000` of `lipgan:out/step9000.pt`, `tool` of `cmd:python tool.py ...`."""
    kind, rest = _split(text)
    if kind == "cmd":
        words = [Path(word).stem for word in split_template(rest) if not word.startswith("-")]
        parts = [next((word for word in words if not re.fullmatch(r"(python|bash|sh|env)[\d.]*", word)), words[0])]
    elif kind == "py":
        parts = [rest]
    else:
        parts = [kind, Path(rest).stem] if rest else [kind]
    return re.sub(r"[^\w.-]+", "-", "-".join(parts)).strip("-.") or "generator"


def signature(text: str) -> dict[str, Any]:
    """What can be known of why it makes what it makes: its spelling, and the sha256 of every file that it names."""
    kind, rest = _split(text)
    if kind == "cmd":
        files = [Path(word) for word in split_template(rest)]
    else:
        module = _target(text).partition(":")[0]
        named = [rest, rest.rpartition(":")[0]] if kind != "py" else []  # the second where options follow the file
        files = [Path(getattr(sys.modules[module], "__file__", None) or ""), *map(Path, named)]
    return {"generator": text, "files": {str(file): content_sha256(file) for file in files if file.is_file()}}


def _split(text: str) -> tuple[str, str]:
    kind, _, rest = text.partition(":")
    return kind, rest


def _target(text: str) -> str:
    kind, rest = _split(text)
    if kind == "py":
        return rest
    return registry.find("generators", "generator", kind, registry.GENERATORS, GeneratorError)


def _found(text: str) -> tuple[Any, str | None]:
    """The Python object behind a spelling, and its argument where there is one."""
    kind, separator, rest = text.partition(":")
    argument = rest if separator and kind != "py" else None
    found = find_object(_target(text), text)
    if argument is not None and not isinstance(found, type):
        raise GeneratorError(f"{text}: {kind} takes no argument; leave out :{argument}")
    return found, argument
