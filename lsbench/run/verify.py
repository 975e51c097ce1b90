"""Whether a bundle holds what it says: its hashes, its result folded again from its clips, its clips scored again."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsbench.errors import BundleError, LsbenchError, MetricError
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.metric import Metric
from lsbench.protocol.manifest import Reference
from lsbench.protocol.protocol import recall
from lsbench.run.bundle import HEADS, demand_same, unpack
from lsbench.run.fold import finish
from lsbench.run.folder import SEGMENTS, Run
from lsbench.run.result import Result
from lsbench.system import strict_json
from lsbench.system.strict_json import flat

FOLDED = 1e-6  # by how much a number may move, over its size, when it is folded on another machine
_NAMED = 1000  # clips that may be missing and are named: the table of many more is not read
SCORED = 1e-4  # when its clip is decoded and measured on another machine


@dataclass(frozen=True)
class Verified:
    """A bundle that holds what it says. scores: how many were folded again; rescored: whether clips were, too."""

    result: Result
    scores: int
    rescored: bool


def verify(bundle: Path, generated: str | None = None, **options: Any) -> Verified:
    """Check a bundle.

    Args:
        bundle: the file.
        generated: the folder of videos that it was made from, to score them again.
        options: those of score() that say where the reference clips are (reference, or protocol and data), and how to
            run (workers, device, weight_files).

    Raises:
        BundleError: naming the first thing that is not as the bundle says.
    """
    with tempfile.TemporaryDirectory(prefix="lsbench-") as folder, _named_by(bundle, folder):
        run = unpack(bundle, Path(folder))
        request, result = run.request(), run.result()
        metrics = _metrics(bundle, request, result)
        table, clips = _clips(bundle, run, result, metrics)
        names = [*HEADS, *(f"clips/{clip.id}.npz" for clip in clips)]
        demand_same(bundle, names, (path.relative_to(run.path).as_posix() for path in _files(run.path)))
        _demand_parts(bundle, run, clips, metrics)
        _refold(bundle, run, table, clips, metrics, result)
        if generated is not None:
            _rescore(bundle, run, table, metrics, Path(folder), generated, options)
    return Verified(result, len(metrics), generated is not None)


@contextmanager
def _named_by(bundle: Path, folder: str) -> Iterator[None]:
    """Let errors name the bundle and what is in it, not the folder that it was unpacked in, which is about to go."""
    try:
        yield
    except LsbenchError as error:
        if folder not in str(error):
            raise
        inside = str(error).replace(f"{folder}/run/", f"{bundle}: ").replace(folder, str(bundle))
        raise BundleError(inside) from error


def _metrics(bundle: Path, request: Mapping[str, Any], result: Result) -> list[Metric]:
    """The metrics of the run, each as this version measures it."""
    if not result.scores or not result.complete or result.failed:
        raise BundleError(f"{bundle}: the run it holds is not finished")
    signatures = {key: score.signature for key, score in result.scores.items()}
    if signatures != request["metrics"] or result.protocol != request["protocol"] or result.name != request.get("name"):
        raise BundleError(f"{bundle}: run.json and result.json speak of different metrics, protocols or names")
    metrics = []
    for key, signature in signatures.items():
        try:
            metric = catalogue.metric(key)
        except MetricError as error:
            raise BundleError(f"{bundle}: {error}") from error
        if metric.signature != signature:
            raise BundleError(
                f"{bundle}: {key} was measured as {signature}, this version of lsbench measures {metric.signature}; "
                "score the run again"
            )
        metrics.append(metric)
    return metrics


def _clips(bundle: Path, run: Run, result: Result, metrics: list[Metric]) -> tuple[Any, tuple[Reference, ...]]:
    """The clip table, and the clips in its order: the same for every score."""
    from pyarrow import ArrowException, parquet

    try:
        rows = parquet.read_metadata(run.path / "clips.parquet").num_rows
    except (ArrowException, OSError) as error:
        raise BundleError(f"{bundle}: clips.parquet is not readable ({error})") from error
    held = sum(1 for _ in (run.path / "clips").rglob("*.npz"))
    if result.expected > held + _NAMED:
        raise BundleError(f"{bundle}: it holds {held} clips, result.json says {result.expected}")
    if rows != result.expected * len(metrics):
        raise BundleError(
            f"{bundle}: clips.parquet has {rows} rows; expected {result.expected} clips x {len(metrics)} scores"
        )
    table = run.table()
    groups = dict(iter(table.groupby(["metric", "region"], sort=False)))
    if list(groups) != [(metric.spec, metric.region.value if metric.region else "") for metric in metrics]:
        raise BundleError(f"{bundle}: clips.parquet and result.json list different scores")
    listed = [list(zip(lines["clip_id"], lines["speaker"], strict=True)) for lines in groups.values()]
    if any(other != listed[0] for other in listed) or len(dict(listed[0])) != result.expected:
        raise BundleError(f"{bundle}: clips.parquet does not list the same clips for every score, each once")
    return table, tuple(Reference(str(clip), str(speaker)) for clip, speaker in listed[0])


def _demand_parts(bundle: Path, run: Run, clips: tuple[Reference, ...], metrics: list[Metric]) -> None:
    for clip in clips:
        if run.read_partial(clip.id, [metric.key for metric in metrics]) is None:
            raise BundleError(f"{bundle}: clip {clip.id} is damaged, or lacks a score")


def _refold(
    bundle: Path, run: Run, table: Any, clips: tuple[Reference, ...], metrics: list[Metric], result: Result
) -> None:
    """Fold the clips again and compare result.json and clips.parquet with what comes out."""
    rules = recall(result.protocol, clips)
    before = _content(run)
    try:
        finish(run, rules, metrics, extra=[Path(path) for path in result.extra], unavailable=result.unavailable)
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{bundle}: no scores can be computed from its clips ({error!r})") from error
    after = _content(run)
    for name in sorted((before.keys() | after.keys()) - {"name"}):
        if not _close(before.get(name), after.get(name), FOLDED):
            raise BundleError(
                f"{bundle}: result.json says {name} {before.get(name)}, its clips say {after.get(name)}; "
                "the result does not follow from the clips"
            )
    _demand_table(bundle, table, run.table(), FOLDED, "its clips say")


def _rescore(
    bundle: Path,
    run: Run,
    table: Any,
    metrics: list[Metric],
    folder: Path,
    generated: str,
    options: Mapping[str, Any],
) -> None:
    """Score the videos again and compare every clip."""
    from lsbench.run.score import score

    request = run.request()
    rules = request["protocol"]
    again = score(
        generated,
        metrics=list(dict.fromkeys(metric.spec for metric in metrics)),
        regions=list(dict.fromkeys(metric.region.value for metric in metrics if metric.region)) or None,
        align=rules["align"] if rules["task"] != "alone" else None,
        fit=rules.get("fit"),
        rate=rules.get("rate"),
        face=rules.get("face"),
        task=rules["task"] if rules["task"] != "alone" else None,
        drive=rules.get("drive"),
        segment=rules.get("segment_s"),
        sound=request.get("sound", "required"),
        name="again",
        out=folder / "rescored",
        **options,
    )
    fresh = Run.of(again)
    if difference := run.conditions.decisive_difference(fresh.conditions):
        raise BundleError(f"{bundle}: it was scored under other conditions than here: {difference}")
    for clip in dict.fromkeys(table["clip_id"]):
        packed, again_scored = run.read_partial(clip, []), fresh.read_partial(clip, [])
        if not packed or not again_scored or packed.generated_sha256 != again_scored.generated_sha256:
            raise BundleError(f"{bundle}: clip {clip}: the video in {generated} is another than was scored")
    _demand_table(bundle, table, fresh.table(), SCORED, "scored again it is")
    for metric in metrics:
        packed_value = run.result()[metric.key]
        if not _close(packed_value, again[metric.key], SCORED):
            raise BundleError(f"{bundle}: {metric.key} is {packed_value}, scored again it is {again[metric.key]}")


def _demand_table(bundle: Path, table: Any, other: Any, tolerance: float, says: str) -> None:
    """Compare the clips of both tables, by metric, region and clip."""
    columns = ["metric", "region", "clip_id"]
    by_clip = other.set_index(columns)
    for name, lines in table.groupby(["metric", "region"], sort=False):
        if SEGMENTS in table.columns or SEGMENTS in other.columns:
            _demand_segments(bundle, lines, by_clip, "/".join(filter(None, name)), tolerance, says)
        for column in ("value", "frames", "influence"):
            theirs = [by_clip[column].get((*name, clip), math.nan) for clip in lines["clip_id"]]
            size = max((abs(value) for value in theirs if math.isfinite(value)), default=0.0)
            for clip, mine, value in zip(lines["clip_id"], lines[column], theirs, strict=True):
                if not _close(float(mine), float(value), tolerance, tolerance * size):
                    raise BundleError(
                        f"{bundle}: clip {clip}: {column} of {'/'.join(filter(None, name))} is {mine} in "
                        f"clips.parquet, {says} {value}"
                    )


def _demand_segments(bundle: Path, lines: Any, by_clip: Any, key: str, tolerance: float, says: str) -> None:
    """Compare the segments of one score; by_clip: the other table by metric, region and clip."""
    for row in lines.to_dict("records"):
        place = row["metric"], row["region"], row["clip_id"]
        mine, theirs = (list(each) for each in (row.get(SEGMENTS, ()), by_clip.get(SEGMENTS, {}).get(place, ())))
        size = max((abs(value) for value in theirs if math.isfinite(value)), default=0.0)
        pairs = zip(map(float, mine), map(float, theirs), strict=False)
        if len(mine) != len(theirs) or not all(_close(*pair, tolerance, tolerance * size) for pair in pairs):
            raise BundleError(
                f"{bundle}: clip {row['clip_id']}: segments of {key} are {mine} in clips.parquet, {says} {theirs}"
            )


def _close(one: Any, other: Any, relative: float, absolute: float = 1e-12) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        both_undefined = math.isnan(one) and math.isnan(other)
        return both_undefined or math.isclose(one, other, rel_tol=relative, abs_tol=absolute)
    return bool(one == other)


def _content(run: Run) -> dict[str, Any]:
    return flat(strict_json.read(run.path / "result.json"))


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
