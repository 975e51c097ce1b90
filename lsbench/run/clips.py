"""Every clip of a run: which are finished, who scores the others, and what keeps one from being scored."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lsbench.errors import LsbenchError
from lsbench.protocol.protocol import Protocol
from lsbench.run import learn
from lsbench.run.folder import Run
from lsbench.run.gather import Shared
from lsbench.run.measure import Scoring, Work, measure_all
from lsbench.run.pairing import Job
from lsbench.run.result import Pace
from lsbench.run.videos import Videos
from lsbench.system.pool import Progress
from lsbench.system.ranks import Ranks

Outcomes = list[int | LsbenchError]  # of each generator: how many frames were compared, or what kept them from it

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One of the generators that are scored together.

    Attributes:
        shared: its run.
        scoring: how its clips are measured.
        videos: where they come from.
    """

    shared: Shared
    scoring: Scoring
    videos: Videos


@dataclass(frozen=True)
class Turn:
    """One clip of all generators that have yet to be scored on it. jobs: by the place of the generator's entry."""

    clip_id: str
    jobs: Mapping[int, Job]


def score_clips(
    entries: Sequence[Entry], protocol: Protocol, workers: int, on_error: str, progress: Progress | None
) -> tuple[list[dict[str, str]], Pace | None]:
    """Score every clip that has a video and is not finished yet, of all generators before the next clip.

    Args:
        entries: the generators, under the same conditions.
        protocol: that they are scored under.
        workers: processes.
        on_error: `stop` or `skip`.
        progress: is told which clip is done, how many are, of all generators, of how many.

    Returns:
        Of each generator, clip id -> why, for those that cannot be scored; and how fast the others were, None where all
        were finished.

    Raises:
        LsbenchError: the first that a clip gives, where on_error is "stop".
    """
    ranks = entries[0].shared.ranks
    failed = [dict(entry.videos.missing) for entry in entries]
    jobs = [_jobs(entry, protocol, on_error, reasons) for entry, reasons in zip(entries, failed, strict=True)]
    finished = [_finished(entry, own) for entry, own in zip(entries, jobs, strict=True)]
    total = sum(len(protocol.clips) - len(entry.videos.missing) for entry in entries)
    earlier = done = sum(map(len, finished))
    turns = _turns(protocol, jobs, finished)
    report = progress or (lambda *_: None)

    def own_done(turn: Turn, outcomes: Outcomes | LsbenchError) -> None:
        nonlocal done
        for outcome in _of_each(turn, outcomes):
            if isinstance(outcome, LsbenchError) and on_error == "stop":
                raise outcome
            done += 1
            _log.debug("clip %s: %s", turn.clip_id, outcome if isinstance(outcome, LsbenchError) else "finished")
        report(turn.clip_id, min(total, earlier + (done - earlier) * ranks.size), total)

    if turns:
        for place in {place for turn in turns for place in turn.jobs}:
            entries[place].shared.run.discard_result()
        turns = _taught(turns, entries[0].scoring, protocol, workers, on_error, progress, ranks)
    report("", done, total)
    device, frames, start = entries[0].scoring.context.device, 0, time.perf_counter()
    function = partial(_measure, [entry.videos.work(entry.scoring) for entry in entries])
    threads = device != "cpu" and all(entry.videos.in_threads for entry in entries)
    for turn, outcomes in ranks.run(function, turns, workers, own_done, threads=threads):
        for place, outcome in zip(turn.jobs, _of_each(turn, outcomes), strict=True):
            if isinstance(outcome, LsbenchError):
                failed[place][turn.clip_id] = str(outcome)
            else:
                frames += outcome
    doing = max((entry.videos.doing for entry in entries), key=len)
    pace = Pace(doing, frames, time.perf_counter() - start, device) if frames else None
    for place, (entry, reasons) in enumerate(zip(entries, failed, strict=True)):
        makers = {turn.clip_id: count % ranks.size for count, turn in enumerate(turns) if place in turn.jobs}
        entry.shared.gather(makers, reasons)
    return failed, pace


def _measure(works: Sequence[Work], turn: Turn) -> Outcomes:
    return measure_all([(works[place], job) for place, job in turn.jobs.items()])


def _of_each(turn: Turn, outcomes: Outcomes | LsbenchError) -> Outcomes:
    """The outcome of each generator of a turn; an error of the turn itself is that of each."""
    return [outcomes] * len(turn.jobs) if isinstance(outcomes, LsbenchError) else outcomes


def _jobs(entry: Entry, protocol: Protocol, on_error: str, failed: dict[str, str]) -> dict[str, Job]:
    """Clip id -> what is to be scored of it; the clips of which nothing can be are added to failed."""
    jobs = {}
    for clip in protocol.clips:
        if clip.id in entry.videos.missing:
            continue
        try:
            jobs[clip.id] = entry.videos.job(protocol, clip)
        except LsbenchError as error:
            if on_error == "stop":
                raise
            failed[clip.id] = str(error)
    return jobs


def _finished(entry: Entry, jobs: Mapping[str, Job]) -> Collection[str]:
    """The clips that are finished already, by this rank or another one."""
    keys, run = [metric.key for metric in entry.scoring.metrics], entry.shared.run
    finished = entry.shared.finished([clip_id for clip_id, job in jobs.items() if _is_finished(run, job, keys)])
    _log.info("%s: %d of %d clips are finished already", run.path, len(finished), len(jobs))
    return finished


def _turns(protocol: Protocol, jobs: Sequence[Mapping[str, Job]], finished: Sequence[Collection[str]]) -> list[Turn]:
    """The clips that some generator has yet to be scored on, in the order of the manifest."""
    turns = []
    for clip in protocol.clips:
        places = [place for place, own in enumerate(jobs) if clip.id in own and clip.id not in finished[place]]
        if places:
            turns.append(Turn(clip.id, {place: jobs[place][clip.id] for place in places}))
    return turns


def _is_finished(run: Run, job: Job, keys: Sequence[str]) -> bool:
    kept = run.read_partial(job.reference.id, keys)
    hashes = job.generated_sha256, job.reference.sha256
    return kept is not None and (kept.generated_sha256, kept.reference_sha256) == hashes


def _taught(
    turns: list[Turn],
    scoring: Scoring,
    protocol: Protocol,
    workers: int,
    on_error: str,
    progress: Progress | None,
    ranks: Ranks,
) -> list[Turn]:
    """The same with the models that metrics learn from the clips of other speakers."""
    learners = {metric.learner.signature: metric.learner for metric in scoring.metrics if metric.learner}
    if not learners or protocol.task == "alone":  # the videos themselves are no clips to learn from
        return turns

    def refuse(error: LsbenchError) -> None:
        if on_error == "stop":
            raise error

    models = learn.fit(learners.values(), protocol, scoring.context, workers, refuse, progress, ranks)
    return [
        replace(turn, jobs={place: replace(job, models=models[turn.clip_id]) for place, job in turn.jobs.items()})
        for turn in turns
    ]
