"""One clip of a run: read, measured by every metric, and kept in the run folder."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lsbench.errors import LsbenchError
from lsbench.face.track import runs
from lsbench.generation.render import render_clip
from lsbench.generation.studio import Order, Studio
from lsbench.media.files import content_sha256
from lsbench.metrics._base.metric import Metric
from lsbench.networks.kept_features import KEPT
from lsbench.protocol.changes import Changes
from lsbench.protocol.context import Context
from lsbench.protocol.slip import slips
from lsbench.run.folder import Run
from lsbench.run.foreseen import refuse_too_large
from lsbench.run.pairing import Job, paired
from lsbench.run.prospects import all_options
from lsbench.run.result import Partial
from lsbench.run.segments import measured_segments, too_short
from lsbench.run.windows import measured
from lsbench.system.memory import enough, give_back


@dataclass(frozen=True)
class Scoring:
    """What a worker needs to know beside the clip: pickled to other processes.

    Attributes:
        run: folder of the run, for the finished clips.
        context: how reference clips are read. Its sound says whether generated videos must have some.
        metrics: that are measured.
    """

    run: Path
    context: Context
    metrics: tuple[Metric, ...]


Work = Callable[[Job, dict[Hashable, Any] | None], int]  # how one clip of a generator is scored; see measure_clip


def measure_all(jobs: Sequence[tuple[Work, Job]]) -> list[int | LsbenchError]:
    """Score one clip of several generators, one after another: what the reference takes is done once.

    Args:
        jobs: of each generator, how its clip is scored, and the clip.

    Returns:
        Of each, how many frames were compared, or what kept them from it.
    """
    several = len(jobs) > 1
    kept: dict[Hashable, Any] | None = {} if several else None
    outcomes: list[int | LsbenchError] = []
    with KEPT.round(last=True) if several else nullcontext():
        for work, job in jobs:
            try:
                with enough(f"clip {job.reference.id}"):
                    outcomes.append(work(job, kept))
            except LsbenchError as error:
                outcomes.append(error)
            give_back()
    return outcomes


def measure_clip(scoring: Scoring, job: Job, kept: dict[Hashable, Any] | None = None) -> int:
    """Read and measure one clip, and keep the outcome in the run folder.

    Args:
        scoring: how.
        job: the clip.
        kept: see lsbench.run.pairing.paired().

    Returns:
        How many frames were compared.
    """
    refuse_too_large(scoring.metrics, scoring.context, job)
    with all_options(scoring.context, job):
        films = paired(scoring.context, scoring.metrics, job, kept)
    changes, segment_s = Changes(), scoring.context.rules.segment_s
    stats = measured(scoring.metrics, films, changes)
    partial = Partial(
        clip_id=job.reference.id,
        generated_sha256=job.generated_sha256,
        reference_sha256=job.reference.digest,
        frames=len(films),
        reference_frames=films.reference_frames,
        lag_frames=films.lag_frames,
        stats=stats | measured_segments(scoring.metrics, films, segment_s),
        notes=(*films.notes, *(f"generated: {slip}" for slip in slips(changes)), *too_short(films, segment_s)),
        left_out=[[int(run[0]), int(run[-1]) + 1] for run in runs(films.left_out)],
        fps=films.generated.fps,
    )
    Run(scoring.run).write_partial(partial)
    return partial.frames


def make_and_measure(studio: Studio, scoring: Scoring, job: Job, kept: dict[Hashable, Any] | None = None) -> int:
    """Have a generator make the video of one clip, unless it is there, and measure it (see measure_clip)."""
    render_clip(studio, Order(job.reference, job.driver or job.reference))
    return measure_clip(scoring, replace(job, generated_sha256=content_sha256(job.generated)), kept)
