"""Scoring a generator: clip pairs to partial statistics, partial statistics to a result."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from lsbench import registry
from lsbench.errors import GeneratorError, LsbenchError, RunError
from lsbench.face.track import Region
from lsbench.generation.command import TIMEOUT_S
from lsbench.generation.generator import Generator
from lsbench.generation.source import Source, parse
from lsbench.media.files import Sound
from lsbench.metrics._base.metric import Metric
from lsbench.networks.kept_features import KEPT
from lsbench.protocol.bound import bound
from lsbench.protocol.context import Context
from lsbench.protocol.protocol import Align, Drive, Fit, Protocol, Rate, Task
from lsbench.protocol.toml_file import CHOICES
from lsbench.protocol.words import worded
from lsbench.run.clips import Entry, score_clips
from lsbench.run.conditions import Conditions
from lsbench.run.fold import finish
from lsbench.run.folder import FORMAT, Run
from lsbench.run.gather import opened
from lsbench.run.measure import Scoring
from lsbench.run.needs import demand_device, measurable
from lsbench.run.result import Result
from lsbench.run.videos import Videos, finished_videos, made_videos
from lsbench.system.pool import Progress
from lsbench.system.ranks import ALONE, Ranks

REGIONS = tuple(region.value for region in Region)


def score(
    generated: str | Path | Generator | Callable[..., Any],
    *,
    reference: str | Path | None = None,
    protocol: str | Path | Protocol | None = None,
    data: str | Path | None = None,
    metrics: Sequence[str | Metric | type[Metric]] | None = None,
    regions: Sequence[str | Region] | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    workers: int = 1,
    device: str = "cpu",
    align: Align | None = None,
    fit: Fit | None = None,
    rate: Rate | None = None,
    face: str | None = None,
    task: Task | None = None,
    drive: Drive | None = None,
    segment: float | None = None,
    on_error: Literal["stop", "skip"] = "stop",
    sound: Sound = "required",
    offline: bool = False,
    weight_files: Mapping[str, Path] | None = None,
    timeout_s: float = TIMEOUT_S,
    progress: Progress | None = None,
    ranks: Ranks = ALONE,
) -> Result:
    """Score generated videos against reference clips: what `lsbench score` calls before it measures the anchors.

    Finished clips are kept: where the call is cut short, or raises, the same call goes on with the rest.

    Args:
        generated: a folder of videos, matched to reference ids, or one video; or a generator, whose videos are made
            and kept in the run folder: `cmd:TEMPLATE`, `py:module:attribute`, a registered name, a Generator, or a
            function (face, speech) -> frames.
        reference: a folder of reference clips, or one clip. Either this or protocol; with neither, finished videos are
            measured on their own, by metrics that need a video and its sound alone.
        protocol: a name, a .toml file, or a Protocol.
        data: the folder that holds the protocol's clips, unless it is bound already.
        metrics: spellings such as `ssim:color=luma`; the protocol's if not given.
        regions: `whole`, `face`, `mouth`; the protocol's if not given.
        name: of the run; that of the folder or generator if not given.
        out: the run is kept in out/name; without out it is not kept.
        workers: processes; where networks run on a device, and the videos are there, threads that share it.
        device: where networks run, such as `cuda`.
        align: what to do with videos of another length, in place of the protocol's: `strict` refuses them, `trim`
            compares the common start, `lag` estimates by how many frames they are late and compares what both show.
        fit: what to do with videos of another size than a folder's clips: `strict` refuses them, `resize` resizes
            them, `pad` cuts padding off, `face` compares the faces, where a video shows no more than that.
        rate: what to do with videos at another frame rate: `strict` refuses them, `resample` takes their pictures at
            the reference's times.
        face: which of several faces is followed, in a folder's clips and in the videos: `largest`, `left`, `right`, or
            the one nearest to the point `x,y`, shares of width and height from the top left.
        task: in place of the protocol's; `dubbing` where the videos say something else than the reference does, so
            that only metrics that need no ground truth are measured.
        drive: in place of the protocol's; `silence` where silence drives the faces: generators are given that in place
            of the clips' sound, finished videos were made with it, and their mouths should rest.
        segment: in place of the protocol's; about how many seconds of a clip make a segment, which is what intervals
            and tests draw where clips are few. Values of scores do not depend on it.
        on_error: `stop` at the first clip that cannot be scored, or `skip` it and return an incomplete result.
        sound: whether generated videos must have some.
        offline: never fetch weights.
        weight_files: files to use in place of the registered weights, by name.
        timeout_s: for a program that makes one video, seconds.
        progress: is told what is done, how much of it is done, of how much.
        ranks: the processes that share the clips, each of which makes this call; this process alone, whatever the
            environment says, if not given.

    Returns:
        The result, over exactly the clips that were scored.

    Raises:
        LsbenchError: naming what is wrong, and the clip where it is one.
    """
    (result,) = _scored(
        [generated],
        name=name,
        reference=reference,
        protocol=protocol,
        data=data,
        metrics=metrics,
        regions=regions,
        out=out,
        workers=workers,
        device=device,
        align=align,
        fit=fit,
        rate=rate,
        face=face,
        task=task,
        drive=drive,
        segment=segment,
        on_error=on_error,
        sound=sound,
        offline=offline,
        weight_files=weight_files,
        timeout_s=timeout_s,
        progress=progress,
        ranks=ranks,
    )
    return result


def score_all(generated: Sequence[str | Path | Generator | Callable[..., Any]], **options: Any) -> list[Result]:
    """Score several generators together: the same results as by score() one after another, in less time.

    Each clip is scored of all of them before the next one: its reference is decoded once, and what networks and metrics
    compute of it alone is kept from one to the next where its frames take at most windows.WINDOW_BYTES.

    Args:
        generated: each as for score().
        options: those of score(); a name where there is one generator alone, for the runs of several bear the names of
            their folders or generators.

    Returns:
        The results in the same order; the last one says how fast all of them came.

    Raises:
        LsbenchError: as score(); where two would bear one name.
    """
    options = {**(score.__kwdefaults__ or {}), **options}
    if options["reference"] is None and options["protocol"] is None:  # nothing is there that they share
        return [score(each, **options) for each in generated]
    return _scored(generated, **options)


def _scored(
    generated: Sequence[str | Path | Generator | Callable[..., Any]],
    *,
    name: str | None,
    reference: str | Path | None,
    protocol: str | Path | Protocol | None,
    data: str | Path | None,
    metrics: Sequence[str | Metric | type[Metric]] | None,
    regions: Sequence[str | Region] | None,
    out: str | Path | None,
    workers: int,
    device: str,
    align: Align | None,
    fit: Fit | None,
    rate: Rate | None,
    face: str | None,
    task: Task | None,
    drive: Drive | None,
    segment: float | None,
    on_error: Literal["stop", "skip"],
    sound: Sound,
    offline: bool,
    weight_files: Mapping[str, Path] | None,
    timeout_s: float,
    progress: Progress | None,
    ranks: Ranks,
) -> list[Result]:
    """See score(), which says what the arguments are."""
    _demand_choices(
        {"align": align, "fit": fit, "rate": rate, "task": task, "drive": drive}, on_error, sound, regions, workers
    )
    demand_device(device)
    sources, files = [parse(each) for each in generated], weight_files or {}
    names = _run_names(name, sources)
    for source in sources:
        if reference is None and protocol is None and isinstance(source, Source):
            raise GeneratorError(
                f"{source.short}: a generator needs faces and sounds; pass --reference DIR, or --protocol with --data. "
                "Finished videos alone can be scored without"
            )
    rules: dict[str, Any] = {"align": align, "fit": fit, "rate": rate, "face": face, "task": task, "drive": drive}
    alone = next((source for source in sources if isinstance(source, Path)), None)
    protocol = bound(reference, protocol, data, videos=alone, segment_s=segment, **rules)
    with ExitStack() as stack:
        stack.enter_context(KEPT.round())
        folder = stack.enter_context(_runs_folder(out, ranks))
        runs = [Run(folder / each) for each in names]
        videos: list[Videos] = [
            made_videos(source, protocol, run, workers, files, offline, timeout_s)
            if isinstance(source, Source)
            else finished_videos(source, protocol, run, on_error)
            for run, source in zip(runs, sources, strict=True)
        ]
        measured = measurable(metrics, regions, protocol, offline=offline, weight_files=files, progress=progress)
        protocol = worded(protocol, measured.metrics)
        conditions = Conditions.here(protocol, measured.metrics, measured.tracker, measured.sha256, device, sound)
        context = Context(protocol, measured.tracker, measured.files, ranks.own_device(device), sound)
        entries = []
        for run, source, own in zip(runs, sources, videos, strict=True):
            request = _request(run, source, protocol, conditions)
            shared = stack.enter_context(opened(run, request, ranks, _inputs(source, protocol)))
            stack.callback(own.conclude, protocol.clips, ranks)
            entries.append(Entry(shared, Scoring(run.path, context, measured.metrics), own))
        all_failed, pace = score_clips(entries, protocol, workers, on_error, progress)
        results = []
        for entry, failed in zip(entries, all_failed, strict=True):
            run, extra = entry.shared.run, entry.videos.extra
            fold = partial(finish, run, protocol, measured.metrics, failed, extra, measured.unavailable)
            result = entry.shared.conclude(fold)
            results.append(result if out is not None else result.forgotten())
        return [*results[:-1], replace(results[-1], pace=pace)]


def _demand_choices(
    rules: Mapping[str, str | None], on_error: str, sound: str, regions: Sequence[object] | None, workers: int
) -> None:
    """Raise LsbenchError naming an argument that is not among its choices. rules: fields of a protocol, or None."""
    for option, value, choices in (
        *((rule, value, (None, *CHOICES[rule])) for rule, value in rules.items()),
        ("on_error", on_error, ("stop", "skip")),
        ("sound", sound, get_args(Sound)),
        *[("region", getattr(region, "value", region), REGIONS) for region in regions or ()],
    ):
        if value not in choices:
            raise LsbenchError(registry.unknown(option, str(value), [choice for choice in choices if choice]))
    if workers < 1:
        raise LsbenchError(f"workers {workers}; expected 1 or more")


@contextmanager
def _runs_folder(out: str | Path | None, ranks: Ranks) -> Iterator[Path]:
    """The folder of runs; one that is gone afterwards where none was named."""
    if out is not None:
        yield Path(out)
        return
    if ranks.size > 1:
        raise RunError("several ranks need a run folder to meet in; pass out")
    with tempfile.TemporaryDirectory(prefix="lsbench-") as folder:
        yield Path(folder)


def _run_names(name: str | None, sources: Sequence[Source | Path]) -> list[str]:
    """The names of the runs: the one that was given, else those of the folders or generators."""
    names = (
        [name] * len(sources)
        if name is not None
        else [source.label if isinstance(source, Source) else _plain_name(source) for source in sources]
    )
    for each in names:
        if not each.strip() or not each.isprintable() or each in (".", "..") or "/" in each or "\\" in each:
            raise RunError(f"run name {each!r}: expected a plain folder name; pass --name")
        if names.count(each) > 1:
            raise RunError(f"run name {each!r}: {names.count(each)} generators would bear it; score them one by one")
    return names


def _plain_name(source: Path) -> str:
    """The name of a folder, or of a file without its suffix."""
    return source.stem if source.is_file() else source.resolve().name


def _inputs(source: Source | Path, protocol: Protocol) -> list[Path]:
    """The files and folders that a run is made of."""
    return [*(source.files if isinstance(source, Source) else [source]), *protocol.files]


def _request(run: Run, source: Source | Path, protocol: Protocol, conditions: Conditions) -> dict[str, Any]:
    """run.json: everything that was asked and everything that can move a number."""
    return {
        "format": FORMAT,
        "name": run.path.name,
        "generated": source.text if isinstance(source, Source) else str(source.resolve()),
        **({"reference": str(protocol.folder)} if protocol.task != "alone" else {}),
        **conditions.written(),
    }
