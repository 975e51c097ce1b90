"""Every clip of a run: which are finished, who scores the others, and what keeps one from being scored."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from lsbench.errors import LsbenchError
from lsbench.protocol.protocol import Protocol
from lsbench.run import learn
from lsbench.run.folder import Run
from lsbench.run.gather import Shared
from lsbench.run.measure import Scoring
from lsbench.run.pairing import Job
from lsbench.run.result import Pace
from lsbench.run.videos import Videos
from lsbench.system.pool import Progress

_log = logging.getLogger(__name__)


def score_clips(
    shared: Shared,
    scoring: Scoring,
    protocol: Protocol,
    videos: Videos,
    workers: int,
    on_error: str,
    progress: Progress | None,
) -> tuple[dict[str, str], Pace | None]:
    """Score every clip that has a video and is not finished yet.

    Returns:
        Clip id -> why, for those that cannot be scored; and how fast the others were, None where all were finished.

    Raises:
        LsbenchError: the first that a clip gives, where on_error is "stop".
    """
    clips = [clip for clip in protocol.clips if clip.id not in videos.missing]
    jobs, failed = [], dict(videos.missing)
    for clip in clips:
        try:
            jobs.append(videos.job(protocol, clip))
        except LsbenchError as error:
            if on_error == "stop":
                raise
            failed[clip.id] = str(error)
    keys = [metric.key for metric in scoring.metrics]
    finished = shared.finished([job.reference.id for job in jobs if _is_finished(shared.run, job, keys)])
    jobs = [job for job in jobs if job.reference.id not in finished]
    done = len(finished)
    _log.info("%s: %d of %d clips are finished already", shared.run.path, done, len(clips))
    report = progress or (lambda *_: None)

    def own_done(job: Job, outcome: object) -> None:
        nonlocal done
        if isinstance(outcome, LsbenchError) and on_error == "stop":
            raise outcome
        done += 1
        _log.debug("clip %s: %s", job.reference.id, outcome if isinstance(outcome, LsbenchError) else "finished")
        by_all_ranks = len(finished) + (done - len(finished)) * shared.ranks.size
        report(job.reference.id, min(len(clips), by_all_ranks), len(clips))

    if jobs:
        shared.run.discard_result()
        jobs = _taught(jobs, scoring, protocol, shared, workers, on_error, progress)
    report("", done, len(clips))
    device, frames, start = scoring.context.device, 0, time.perf_counter()
    threads = videos.in_threads and device != "cpu"
    for job, outcome in shared.ranks.run(videos.work(scoring), jobs, workers, own_done, threads=threads):
        if isinstance(outcome, LsbenchError):
            failed[job.reference.id] = str(outcome)
        else:
            frames += outcome
    pace = Pace(videos.doing, frames, time.perf_counter() - start, device) if frames else None
    shared.gather([job.reference.id for job in jobs], failed)
    return failed, pace


def _is_finished(run: Run, job: Job, keys: Sequence[str]) -> bool:
    kept = run.read_partial(job.reference.id, keys)
    hashes = job.generated_sha256, job.reference.sha256
    return kept is not None and (kept.generated_sha256, kept.reference_sha256) == hashes


def _taught(
    jobs: list[Job],
    scoring: Scoring,
    protocol: Protocol,
    shared: Shared,
    workers: int,
    on_error: str,
    progress: Progress | None,
) -> list[Job]:
    """The jobs with the models that their metrics learn from the clips of other speakers."""
    learners = {metric.learner.signature: metric.learner for metric in scoring.metrics if metric.learner}
    if not learners:
        return jobs

    def refuse(error: LsbenchError) -> None:
        if on_error == "stop":
            raise error

    models = learn.fit(learners.values(), protocol, scoring.context, workers, refuse, progress, shared.ranks)
    return [replace(job, models=models[job.reference.id]) for job in jobs]
