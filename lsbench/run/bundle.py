"""A finished run as one file: run.json, result.json, clips.parquet, every clip, and the sha256 of each.

The archive is a zip whose entries are stored as they are, in order of their names and without dates: the same run gives
the same bytes, and nothing in it can be larger than the file itself.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from lsbench.errors import BundleError
from lsbench.run import forms
from lsbench.run.folder import Run
from lsbench.run.forms import FORMAT
from lsbench.system import regular, strict_json
from lsbench.system.cache import write_atomically
from lsbench.system.outputs import demand_file
from lsbench.system.small_files import MOST_BYTES

MANIFEST = "manifest.json"
HEADS = ("clips.parquet", "result.json", "run.json")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_BLOCK = 1 << 20


def pack(run: Path, out: Path) -> Path:
    """Write the bundle of a complete run.

    Raises:
        OutputError: where something stands at `out` that is no bundle, or that is part of the run.
        BundleError: where the run is not finished.
    """
    demand_file(out, "lsbench bundle", _is_bundle, [run])
    folder = Run(run)
    result = folder.result()
    if not result.scores or not result.complete:
        raise BundleError(
            f"run {run} is not finished, {result.clips} of {result.expected} clips; the same score command goes on"
        )
    clips = sorted(dict.fromkeys(folder.table()["clip_id"]))
    names = sorted([*HEADS, *(f"clips/{clip}.npz" for clip in clips)])
    missing = [name for name in names if not (run / name).is_file()]
    if missing:
        raise BundleError(f"run {run}: {missing[0]} is not there; score it again")

    def write(file: BinaryIO) -> None:
        listed = {}
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name in names:
                with (run / name).open("rb") as source, archive.open(_entry(name), "w", force_zip64=True) as target:
                    listed[name] = _copy(source, target)
            content = {"format": FORMAT, "name": result.name, "files": listed}
            archive.writestr(_entry(MANIFEST), strict_json.text(content))

    try:
        write_atomically(out, write)
    except OSError as error:
        raise BundleError(f"{out}: cannot be written ({error})") from error
    return out


def _is_bundle(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except (OSError, ValueError, RuntimeError, NotImplementedError, struct.error, zipfile.BadZipFile):
        return False


def unpack(bundle: Path, folder: Path) -> Run:
    """Check every file of a bundle against its manifest and lay the run out in a folder; BundleError where it fails."""
    try:
        with regular.opened(bundle) as file, zipfile.ZipFile(file) as archive:
            entries = _checked(bundle, archive)
            listed = _manifest(bundle, archive, entries)
            demand_same(bundle, listed["files"], entries.keys() - {MANIFEST})
            run = folder / "run"
            for name, (sha256, size) in listed["files"].items():
                target = run / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entries[name]) as source, target.open("xb") as file:
                    copied = _copy(source, file)
                if (copied["sha256"], copied["bytes"]) != (sha256, size):
                    raise BundleError(f"{bundle}: {name} is not what the manifest says; its sha256 differs")
                if name.endswith(".npz"):
                    _demand_plain(bundle, name, target)
            return Run(run)
    except (zipfile.BadZipFile, EOFError, struct.error, NotImplementedError, RuntimeError) as error:
        raise BundleError(f"{bundle}: damaged, or cut off, or not a bundle ({error}); pack the run again") from error
    except (OSError, ValueError) as error:
        raise BundleError(f"{bundle}: cannot be unpacked ({error})") from error


def demand_same(bundle: Path, expected: Iterable[str], present: Iterable[str]) -> None:
    """Raise BundleError where files are missing or too many."""
    expected, present = set(expected), set(present)
    if missing := sorted(expected - present):
        raise BundleError(f"{bundle}: {missing[0]} is missing ({len(missing)} of {len(expected)} files)")
    if extra := sorted(present - expected):
        raise BundleError(f"{bundle}: {extra[0]} is not part of the run it holds ({len(extra)} files too many)")


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    return entry


def _copy(source: Any, target: Any) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK):
        digest.update(block)
        target.write(block)
        size += len(block)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _checked(bundle: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The entries by name: plain paths below the run, each once, stored as they are, no more than the file holds."""
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        name, parts = entry.filename, PurePosixPath(entry.filename).parts
        plain = name == "/".join(parts) and not name.startswith("/") and {"..", "."}.isdisjoint(parts)
        if not plain or not name.isprintable() or "\\" in name or ":" in parts[0]:
            raise BundleError(f"{bundle}: {name!r} is not a path below the run; it is refused")
        if name in entries:
            raise BundleError(f"{bundle}: {name} is there twice; it is refused")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise BundleError(f"{bundle}: {name} is compressed; a bundle holds its files as they are, and is refused")
        entries[name] = entry
    if sum(entry.file_size for entry in entries.values()) > bundle.stat().st_size:
        raise BundleError(f"{bundle}: its entries claim more than the file holds; it is refused")
    return entries


def _manifest(bundle: Path, archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]) -> dict[str, Any]:
    if MANIFEST not in entries:
        raise BundleError(f"{bundle}: damaged, or cut off, or not a bundle (no {MANIFEST}); pack the run again")
    try:
        if entries[MANIFEST].file_size > MOST_BYTES:
            raise ValueError("it is too large")
        content = forms.MANIFEST(strict_json.parse(archive.read(entries[MANIFEST])), "")
    except ValueError as error:
        raise BundleError(f"{bundle}: {MANIFEST} is not a manifest of lsbench: {error}; pack the run again") from error
    files = {name: (held["sha256"], held["bytes"]) for name, held in content["files"].items()}
    return {"name": content["name"], "files": files}


def _demand_plain(bundle: Path, name: str, path: Path) -> None:
    """Raise BundleError for a clip that is compressed: it could unfold into anything."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    stored = all(
        entry.compress_type == zipfile.ZIP_STORED and entry.file_size == entry.compress_size for entry in members
    )
    if not stored or sum(entry.file_size for entry in members) > path.stat().st_size:
        raise BundleError(f"{bundle}: {name} is compressed inside; it is refused")
