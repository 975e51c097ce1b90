"""Scoring a generator: clip pairs to partial statistics, partial statistics to a result."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from lsbench import registry
from lsbench.errors import LsbenchError, MatchError, ProtocolError, RunError
from lsbench.face.track import BOX_RULES, Region
from lsbench.face.tracker import FaceTracker
from lsbench.generation import spelling
from lsbench.generation.command import TIMEOUT_S
from lsbench.generation.studio import studio_of, tracker_for, write_summary
from lsbench.media.files import Sound
from lsbench.metrics._base import catalogue
from lsbench.protocol import protocol
from lsbench.protocol.protocol import Align, Protocol, Task
from lsbench.run.clips import measure_all
from lsbench.run.conditions import Conditions
from lsbench.run.fold import finish
from lsbench.run.folder import FORMAT, Run
from lsbench.run.gather import opened
from lsbench.run.match import Matches, match_folder
from lsbench.run.measure import Settings
from lsbench.run.needs import needs, untrue, weight_paths
from lsbench.run.result import Result
from lsbench.system.pool import Progress
from lsbench.system.ranks import ALONE, Ranks

REGIONS = tuple(region.value for region in Region)


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
    timeout_s: float = TIMEOUT_S,
    progress: Progress | None = None,
    ranks: Ranks = ALONE,
) -> Result:
    """Score generated videos against reference clips: what `lsbench score` calls before it measures the anchors.

    generated: a folder of videos, matched to reference ids; or a generator, whose videos are made and kept in the run
    folder: `cmd:TEMPLATE`, `py:module:attribute`, or a registered name. reference: a folder of reference clips; or
    protocol (a name, a .toml file or a Protocol) with data, the folder that holds its clips, unless it is bound
    already. metrics: spellings such as `ssim:color=luma`; regions: `whole`, `face`, `mouth`; both default to the
    protocol's. name, out: the run is kept in out/name (name defaults to the generated folder's); without out it is not
    kept. workers: processes. task: in place of the protocol's; dubbing where the videos say something else than the
    reference does, so that only metrics that need no ground truth are measured. on_error: raise at the first clip that
    cannot be scored, or leave it out and return an incomplete result. sound: whether generated videos must have some.
    offline: never fetch weights. weight_files: files to use in place of the registered weights. timeout_s: for a
    program that makes one video. ranks: the processes that share the clips, each of which makes this call; this one
    alone, whatever the environment says, if not given.

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
    demand_device(device)
    bench = bound(reference, protocol, data)
    bench = replace(bench, align=align or bench.align, task=task or bench.task)
    source = Path(generated)
    to_make = spelling.is_generator(generated)
    usual_name = spelling.label(str(generated)) if to_make else source.resolve().name
    run_name = _run_name(name if name is not None else usual_name)
    if to_make:
        spelling.check(str(generated))
        matches = Matches({}, [], [])
    else:
        matches = _matched(source, bench, on_error, None if out is None else Run(Path(out) / run_name))
    wanted = catalogue.metrics(metrics or bench.metrics, [Region(region) for region in regions or bench.regions])
    unavailable = untrue(wanted, bench)
    wanted = [metric for metric in wanted if metric.key not in unavailable]
    demanded = {name for metric in wanted if metrics for name in needs(metric, bench)} | set(weight_files or ())
    if regions and any(metric.region in BOX_RULES and "face_landmarker" in needs(metric, bench) for metric in wanted):
        demanded.add("face_landmarker")
    files, lacking = weight_paths(wanted, bench, demanded, offline, weight_files or {}, progress)
    unavailable |= lacking
    chosen = tuple(metric for metric in wanted if metric.key not in unavailable)
    if not chosen:
        raise LsbenchError("nothing to measure: " + "; ".join(sorted(set(unavailable.values())) or ["no metric named"]))
    with ExitStack() as stack:
        if out is None:
            if ranks.size > 1:
                raise RunError("several ranks need a run folder to meet in; pass out")
            out = stack.enter_context(tempfile.TemporaryDirectory(prefix="lsbench-"))
        run = Run(Path(out) / run_name)
        tracker = FaceTracker(*files["face_landmarker"]) if "face_landmarker" in files else None
        paths = {name: path for name, (path, _) in files.items()}
        settings = Settings(run.path, bench, chosen, tracker, paths, sound, ranks.own_device(device))
        studio = None
        if to_make:
            finder = tracker or tracker_for(str(generated), bench, weight_files or {}, offline=offline)
            studio = studio_of(str(generated), bench, run.path / "videos", run.path, finder, timeout_s)
            matches = Matches({clip.id: studio.video(clip.id) for clip in bench.clips}, [], [])
        asked = str(generated) if to_make else str(source.resolve())
        shared = stack.enter_context(opened(run, _request(settings, device, asked, files), ranks))
        if studio and ranks.first:
            stack.callback(write_summary, studio, bench.clips)
        failed = {clip_id: _missing(clip_id, source) for clip_id in matches.missing}
        failed |= measure_all(shared, settings, matches, studio, workers, on_error, progress)
        return shared.conclude(
            lambda: finish(run, bench, chosen, failed=failed, extra=matches.extra, unavailable=unavailable)
        )


def bound(reference: str | Path | None, named: str | Path | Protocol | None, data: str | Path | None) -> Protocol:
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


def demand_device(device: str) -> None:
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


def _forget(run: Run, source: Path, bench: Protocol) -> None:
    """Remove the result of a run of this protocol that was made from this folder of videos."""
    with suppress(RunError):
        same_videos = run.request().get("generated") == str(source.resolve())
        if same_videos and run.conditions.protocol["digest"] == bench.digest:
            run.discard_result()


def _matched(source: Path, bench: Protocol, on_error: str, run: Run | None) -> Matches:
    """The videos of a folder by clip id; MatchError where some are missing or too many, unless they may be skipped."""
    try:
        matches = match_folder(source, [clip.id for clip in bench.clips])
        if on_error == "stop":
            _demand_all(matches, source)
    except LsbenchError:
        if run is not None:  # what an earlier run of this folder found is no longer true of it
            _forget(run, source, bench)
        raise
    return matches


def _run_name(name: str) -> str:
    if not name.strip() or not name.isprintable() or name in (".", "..") or "/" in name or "\\" in name:
        raise RunError(f"run name {name!r}: expected a plain folder name; pass --name")
    return name


def _request(settings: Settings, device: str, generated: str, files: Mapping[str, tuple[Path, str]]) -> dict[str, Any]:
    """run.json: everything that was asked and everything that can move a number."""
    weights = {name: sha256 for name, (_, sha256) in files.items()}
    conditions = Conditions.here(settings.protocol, settings.metrics, settings.tracker, weights, device, settings.sound)
    return {
        "format": FORMAT,
        "name": settings.run.name,
        "generated": generated,
        "reference": str(settings.protocol.folder),
        **conditions.written(),
    }
