"""Scoring a generator: clip pairs to partial statistics, partial statistics to a result."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial as bound
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, get_args

from lsbench import learning, pool, protocol, registry
from lsbench.clip import Region
from lsbench.errors import LsbenchError, MatchError, ProtocolError, RunError
from lsbench.face import FaceTracker
from lsbench.generators.folder import Matches, match_folder
from lsbench.measure import Job, Settings, measure_clip
from lsbench.media import Sound, content_sha256
from lsbench.pool import Progress
from lsbench.protocol import Align, Protocol, Task
from lsbench.requirements import needs, untrue, weight_paths
from lsbench.results import FORMAT, Partial, Result, RunFolder, Score
from lsbench.stats import Stats

REGIONS = tuple(region.value for region in Region)
# Libraries whose version can move a number.
LIBRARIES = ("lsbench", "numpy", "scipy", "av", "soxr", "numba", "mediapipe", "torch", "torchvision", "piq", "lpips")


def score(
    generated: str | Path,
    *,
    reference: str | Path | None = None,
    protocol: str | Path | Protocol | None = None,
    data: str | Path | None = None,
    metrics: Sequence[str] | None = None,
    regions: Sequence[str | Region] | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    workers: int = 1,
    device: str = "cpu",
    align: Align | None = None,
    task: Task | None = None,
    on_error: Literal["stop", "skip"] = "stop",
    sound: Sound = "required",
    offline: bool = False,
    weight_files: Mapping[str, Path] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Score a folder of generated videos against reference clips: what `lsbench score` calls.

    generated: a folder of videos, matched to reference ids. reference: a folder of reference clips; or protocol (a
    name, a .toml file or a Protocol) with data, the folder that holds its clips, unless it is bound already. metrics:
    spellings such as `ssim:color=luma`; regions: `whole`, `face`, `mouth`; both default to the protocol's. name, out:
    the run is kept in out/name (name defaults to the generated folder's); without out it is not kept. workers:
    processes. task: in place of the protocol's; dubbing where the videos say something else than the reference does, so
    that only metrics that need no ground truth are measured. on_error: raise at the first
    clip that cannot be scored, or leave it out and return an incomplete result. sound: whether generated videos must
    have some. offline: never fetch weights. weight_files: files to use in place of the registered weights.

    Raises a LsbenchError that names the clip; finished clips are kept, and the same call goes on with the rest.
    """
    for option, value, choices in (
        ("align", align, (None, *get_args(Align))),
        ("task", task, (None, *get_args(Task))),
        ("on_error", on_error, ("stop", "skip")),
        ("sound", sound, get_args(Sound)),
        *[("region", getattr(region, "value", region), REGIONS) for region in regions or ()],
    ):
        if value not in choices:
            raise LsbenchError(registry.unknown(option, str(value), [choice for choice in choices if choice]))
    if workers < 1:
        raise LsbenchError(f"workers {workers}; expected 1 or more")
    _demand_device(device)
    bench = _bench(reference, protocol, data)
    bench = replace(bench, align=align or bench.align, task=task or bench.task)
    source = Path(generated)
    run_name = _run_name(name if name is not None else source.resolve().name)
    try:
        matches = match_folder(source, [clip.id for clip in bench.clips])
        if on_error == "stop":
            _demand_all(matches, source)
    except LsbenchError:
        if out is not None:  # what an earlier run of this folder found is no longer true of it
            _forget(RunFolder(Path(out) / run_name), source)
        raise
    wanted = registry.metrics(metrics or bench.metrics, [Region(region) for region in regions or bench.regions])
    unavailable = untrue(wanted, bench)
    wanted = [metric for metric in wanted if metric.key not in unavailable]
    demanded = {name for metric in wanted if metrics for name in needs(metric, bench)} | set(weight_files or ())
    if regions and any(metric.needs_track and "face_landmarker" in needs(metric, bench) for metric in wanted):
        demanded.add("face_landmarker")
    files, lacking = weight_paths(wanted, bench, demanded, offline, weight_files or {}, progress)
    unavailable |= lacking
    chosen = tuple(metric for metric in wanted if metric.key not in unavailable)
    if not chosen:
        raise LsbenchError("nothing to measure: " + "; ".join(sorted(set(unavailable.values())) or ["no metric named"]))
    with ExitStack() as stack:
        if out is None:
            out = stack.enter_context(tempfile.TemporaryDirectory(prefix="lsbench-"))
        run = RunFolder(Path(out) / run_name)
        tracker = FaceTracker(*files["face_landmarker"]) if "face_landmarker" in files else None
        paths = {name: path for name, (path, _) in files.items()}
        settings = Settings(run.path, bench, chosen, tracker, paths, sound, device)
        run.open(_request(settings, run.path.name, source, files))
        failed = {clip_id: _missing(clip_id, source) for clip_id in matches.missing}
        failed |= _measure_all(run, settings, matches, workers, on_error, progress)
        return _finish(run, settings, failed, matches.extra, unavailable)


def _bench(reference: str | Path | None, named: str | Path | Protocol | None, data: str | Path | None) -> Protocol:
    """The protocol that the arguments ask for, bound to its data."""
    if (reference is None) == (named is None):
        raise ProtocolError("pass either reference (a folder of clips) or protocol with data")
    if reference is not None:
        bench = protocol.from_folder(Path(reference))
    else:
        bench = named if isinstance(named, Protocol) else protocol.load(str(named))
        if data is not None:
            bench = bench.bind(Path(data))
        elif not bench.bound:
            raise ProtocolError(f"protocol {bench.name}: pass --data, the folder that holds its reference clips")
    return bench


def _demand_device(device: str) -> None:
    """Raise LsbenchError where PyTorch cannot run on a device, before any work is done."""
    if device == "cpu":
        return
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise LsbenchError(f"device {device}: PyTorch cannot use it ({reason}); pass --device cpu") from None


def _missing(clip_id: str, folder: Path) -> str:
    last = clip_id.rsplit("/", 1)[-1]
    spellings = dict.fromkeys([f"{clip_id}.*", f"{clip_id.replace('/', '_')}.*", f"{last}.* where unique"])
    return f"clip {clip_id}: no generated video in {folder} (looked for {', '.join(spellings)})"


def _demand_all(matches: Matches, folder: Path) -> None:
    """Raise MatchError where a clip has no video, or a video has no clip."""
    found = []
    if matches.missing:
        total = len(matches.missing) + len(matches.found)
        rest = f" ({len(matches.missing)} of {total} missing: {protocol.listed(matches.missing)})"
        found.append(_missing(matches.missing[0], folder) + (rest if len(matches.missing) > 1 else ""))
    if matches.extra:
        names = protocol.listed([str(path.relative_to(folder)) for path in matches.extra])
        found.append(f"{len(matches.extra)} videos in {folder} match no reference clip: {names}")
    if found:
        raise MatchError("; ".join(found) + ". Mend the folder, or pass --on-error skip to score what is there")


def _forget(run: RunFolder, source: Path) -> None:
    """Remove the result of a run that was made from this folder of videos."""
    with suppress(RunError):
        if run.request().get("generated") == str(source.resolve()):
            run.discard_result()


def _run_name(name: str) -> str:
    if not name.strip() or not name.isprintable() or name in (".", "..") or "/" in name or "\\" in name:
        raise RunError(f"run name {name!r}: expected a plain folder name; pass --name")
    return name


def _request(settings: Settings, name: str, source: Path, files: Mapping[str, tuple[Path, str]]) -> dict[str, Any]:
    """run.json: everything that was asked and everything that can move a number."""
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            versions[library] = "absent"
    return {
        "format": FORMAT,
        "name": name,
        "generated": str(source.resolve()),
        "protocol": protocol.describe(settings.protocol),
        "metrics": {metric.key: metric.signature for metric in settings.metrics},
        "tracker": settings.tracker.signature if settings.tracker else None,
        "weights": {name: sha256 for name, (_, sha256) in files.items()},
        "device": settings.device,
        "sound": settings.sound,
        "versions": versions,
    }


def _measure_all(
    run: RunFolder, settings: Settings, matches: Matches, workers: int, on_error: str, progress: Progress | None
) -> dict[str, str]:
    """Score every matched clip that is not finished yet; clip id -> why, for those that cannot be scored."""
    clips = [clip for clip in settings.protocol.clips if clip.id in matches.found]
    keys = [metric.key for metric in settings.metrics]
    jobs, failed, done = [], {}, 0
    for clip in clips:
        try:
            job = Job(
                clip,
                matches.found[clip.id],
                content_sha256(matches.found[clip.id]),
                driving=settings.protocol.driver(clip) if clip.audio else None,
            )
        except LsbenchError as error:
            if on_error == "stop":
                raise
            failed[clip.id] = str(error)
            continue
        kept = run.read_partial(clip.id, keys)
        if kept and kept.generated_sha256 == job.generated_sha256 and kept.reference_sha256 == clip.sha256:
            done += 1
        else:
            jobs.append(job)
    if jobs:
        run.discard_result()
        jobs = _taught(jobs, settings, workers, on_error, progress)
    report = progress or (lambda *_: None)
    report("", done, len(clips))
    for job, outcome in pool.run(bound(measure_clip, settings), jobs, workers):
        if isinstance(outcome, LsbenchError):
            if on_error == "stop":
                raise outcome
            failed[job.reference.id] = str(outcome)
        done += 1
        report(job.reference.id, done, len(clips))
    return failed


def _taught(jobs: list[Job], settings: Settings, workers: int, on_error: str, progress: Progress | None) -> list[Job]:
    """The jobs with the models that their metrics learn from the clips of other speakers."""
    learners = {metric.learner.signature: metric.learner for metric in settings.metrics if metric.learner}
    if not learners or settings.tracker is None:
        return jobs

    def refuse(error: LsbenchError) -> None:
        if on_error == "stop":
            raise error

    models = learning.fit(
        learners.values(), settings.protocol, settings.tracker, settings.sound, workers, refuse, progress
    )
    return [replace(job, models=models[job.reference.id]) for job in jobs]


@dataclass(frozen=True)
class Parts(Sequence[Stats]):
    """The statistics of one metric over the finished clips, read from the run folder when they are asked for."""

    run: RunFolder
    clip_ids: tuple[str, ...]
    key: str

    def __len__(self) -> int:
        return len(self.clip_ids)

    def __getitem__(self, index: Any) -> Any:
        return _finished(self.run, self.clip_ids[index], self.key).stats[self.key]


def _finished(run: RunFolder, clip_id: str, *keys: str) -> Partial:
    partial = run.read_partial(clip_id, keys)
    if partial is None:
        raise RunError(f"clip {clip_id}: its finished part vanished from {run.path}; score it again")
    return partial


def _finish(
    run: RunFolder, settings: Settings, failed: Mapping[str, str], extra: list[Path], unavailable: Mapping[str, str]
) -> Result:
    """Fold the finished clips in manifest order and write the run's result."""
    clips = [clip for clip in settings.protocol.clips if clip.id not in failed]
    rows: list[dict[str, Any]] = []
    scores = {}
    for metric in settings.metrics:
        region = metric.region.value if metric.region else ""
        frames = 0
        for clip in clips:
            partial = _finished(run, clip.id, metric.key)
            head = {"clip_id": clip.id, "speaker": clip.speaker, "metric": metric.spec, "region": region}
            value = metric.compute(partial.stats[metric.key]) if metric.per_clip else math.nan
            rows.append(head | {"value": value, "frames": partial.frames})
            frames += partial.frames
        if clips:
            value, note = metric.fold(Parts(run, tuple(clip.id for clip in clips), metric.key))
            scores[metric.key] = Score(value, metric.better, metric.signature, frames, note)
    heads = [_finished(run, clip.id) for clip in clips]
    result = Result(
        name=run.path.name,
        path=run.path,
        protocol=run.request()["protocol"],
        scores=scores,
        clips=len(clips),
        expected=len(settings.protocol.clips),
        failed={clip.id: failed[clip.id] for clip in settings.protocol.clips if clip.id in failed},
        extra=tuple(sorted(str(path) for path in extra)),
        unavailable=unavailable,
        lag_frames={head.clip_id: head.lag_frames for head in heads} if settings.protocol.align == "lag" else {},
        frames=sum(head.frames for head in heads),
        reference_frames=sum(head.reference_frames for head in heads),
    )
    run.finish(result, rows)
    return result
