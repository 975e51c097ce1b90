"""Every clip of a run: which are finished, who scores the others, and what keeps one from being scored."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from lsbench.errors import LsbenchError
from lsbench.generation.studio import Studio, driver, kept_sha256
from lsbench.media.files import content_sha256
from lsbench.protocol.protocol import Protocol, Reference
from lsbench.run import learn as learning
from lsbench.run.folder import Run
from lsbench.run.gather import Shared
from lsbench.run.match import Matches
from lsbench.run.measure import Job, Settings, make_and_measure, measure_clip
from lsbench.system.pool import Progress
from lsbench.system.ranks import Ranks


def measure_all(
    shared: Shared,
    settings: Settings,
    matches: Matches,
    studio: Studio | None,
    workers: int,
    on_error: str,
    progress: Progress | None,
) -> dict[str, str]:
    """Score every matched clip that is not finished yet; clip id -> why, for those that cannot be scored.

    studio: makes the videos first, where they are not there.
    """
    bench = settings.protocol
    clips = [clip for clip in bench.clips if clip.id in matches.found]
    keys = [metric.key for metric in settings.metrics]
    jobs, failed = [], {}
    for clip in clips:
        try:
            jobs.append(_job(bench, clip, matches.found[clip.id], studio))
        except LsbenchError as error:
            if on_error == "stop":
                raise
            failed[clip.id] = str(error)
    finished = shared.finished([job.reference.id for job in jobs if _is_finished(shared.run, job, keys)])
    jobs = [job for job in jobs if job.reference.id not in finished]
    done = len(finished)
    report = progress or (lambda *_: None)

    def own_done(job: Job, outcome: object) -> None:
        nonlocal done
        if isinstance(outcome, LsbenchError) and on_error == "stop":
            raise outcome
        done += 1
        by_all_ranks = len(finished) + (done - len(finished)) * shared.ranks.size
        report(job.reference.id, min(len(clips), by_all_ranks), len(clips))

    if jobs:
        shared.run.discard_result()
        jobs = _taught(jobs, settings, workers, on_error, progress, shared.ranks)
    report("", done, len(clips))
    rules = replace(settings, protocol=replace(bench, clips=()))  # the manifest does not travel with every job
    work = partial(make_and_measure, studio, rules) if studio else partial(measure_clip, rules)
    for job, outcome in shared.ranks.run(work, jobs, workers, own_done):
        if isinstance(outcome, LsbenchError):
            failed[job.reference.id] = str(outcome)
    shared.gather([job.reference.id for job in jobs], failed)
    return failed


def _job(bench: Protocol, clip: Reference, video: Path, studio: Studio | None) -> Job:
    driving = bench.driver(clip) if clip.audio else None
    if studio is None:
        return Job(clip, video, content_sha256(video), driving)
    sound = driver(studio.text, bench, clip)
    return Job(clip, video, kept_sha256(studio, clip, sound), driving, sound)


def _is_finished(run: Run, job: Job, keys: list[str]) -> bool:
    kept = run.read_partial(job.reference.id, keys)
    hashes = job.generated_sha256, job.reference.sha256
    return kept is not None and (kept.generated_sha256, kept.reference_sha256) == hashes


def _taught(
    jobs: list[Job], settings: Settings, workers: int, on_error: str, progress: Progress | None, ranks: Ranks
) -> list[Job]:
    """The jobs with the models that their metrics learn from the clips of other speakers."""
    learners = {metric.learner.signature: metric.learner for metric in settings.metrics if metric.learner}
    if not learners or settings.tracker is None:
        return jobs

    def refuse(error: LsbenchError) -> None:
        if on_error == "stop":
            raise error

    models = learning.fit(
        learners.values(), settings.protocol, settings.tracker, settings.sound, workers, refuse, progress, ranks
    )
    return [replace(job, models=models[job.reference.id]) for job in jobs]
