"""The audit: every artifact at every strength in every clip, measured by every metric, and what that says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lsbench.auditing import plan
from lsbench.auditing.artifacts.frame import CONTROL
from lsbench.auditing.findings import STEP, Audit
from lsbench.auditing.inject import CLEAN, Injection, Injector
from lsbench.auditing.response import LEAST, Response, halves, respond, unmoved
from lsbench.errors import LsbenchError, ProtocolError, RunError
from lsbench.face.track import Region
from lsbench.metrics._base.metric import Metric
from lsbench.protocol.bound import bound
from lsbench.protocol.context import Context
from lsbench.protocol.protocol import Protocol, Reference, describe
from lsbench.protocol.words import worded
from lsbench.run import learn
from lsbench.run.conditions import Conditions
from lsbench.run.folder import FORMAT, Run
from lsbench.run.needs import FACE_LANDMARKER, demand_device, measurable
from lsbench.statistics.units import units
from lsbench.system import pool
from lsbench.system.pool import Progress

REVISION = 2  # of how artifacts are injected and clips re-encoded: numbers of different revisions do not mix


def audit(
    *,
    reference: str | Path | None = None,
    protocol: str | Path | Protocol | None = None,
    data: str | Path | None = None,
    artifacts: Sequence[str] = (),
    metrics: Sequence[str | Metric | type[Metric]] | None = None,
    regions: Sequence[str | Region] = (Region.WHOLE, Region.MOUTH),
    clips: int | None = plan.CLIPS,
    quick: bool = False,
    step: int = STEP,
    seed: int = 0,
    out: str | Path = "audit",
    workers: int = 1,
    device: str = "cpu",
    offline: bool = False,
    weight_files: Mapping[str, Path] | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Inject artifacts into real clips and see which metric notices: what `lsbench audit` calls.

    Clips are re-encoded (H.264, crf 18) before the artifact is put in, so that clean and spoiled differ in it alone;
    their sound is their own. What is measured is kept: the same call, or one that asks for more, goes on.

    Args:
        reference: a folder of real clips. Either this or protocol.
        protocol: a name, a .toml file, or a Protocol.
        data: the folder that holds the protocol's clips, unless it is bound already.
        artifacts: names, or NAME=STRENGTH,STRENGTH, beside the control `recoded`; all if none is named.
        metrics: as for lsbench.score(); plan.METRICS if not given.
        regions: as for lsbench.score().
        clips: how many are audited, of every speaker in turn; all where None.
        quick: fewer strengths and metrics, where they are not named.
        step: of each artifact's ladder of strengths, from 1, at which the verdict is given.
        seed: of artifacts that are random, and of the halves of clips that scores over many clips are tried on.
        out: the folder of what is measured.
        workers: processes.
        device: where networks run, such as `cuda`.
        offline: never fetch weights.
        weight_files: name -> a file to use as it is.
        progress: is told what is being done, how much of it is done, of how much.

    Returns:
        The response of every score to every artifact, and what follows from them.

    Raises:
        LsbenchError: naming what is wrong: the clips, an artifact, a metric, weights that are missing, or a folder
            that holds something else.
    """
    demand_device(device)
    real = bound(reference, protocol, data)
    if real.is_silent:
        raise ProtocolError(f"protocol {real.name}: silence drives its clips: nothing to audit by")
    if real.task == "dubbing":
        raise ProtocolError(
            f"protocol {real.name}: its clips speak other words than the reference: nothing to audit by"
        )
    audited = plan.spread(real.clips, clips)
    if len(audited) < 2:
        raise ProtocolError(f"{len(audited)} clip to audit; expected 2 or more: clean and spoiled ones are told apart")
    ladders = {**plan.ladders(artifacts, quick=quick), CONTROL.name: CONTROL.strengths}
    usual = plan.QUICK_METRICS if quick else plan.METRICS
    measured = measurable(
        metrics,
        regions,
        replace(real, metrics=usual),
        # the mouth must be found before it can be spoiled
        demanded=() if all(clip.landmarks for clip in real.clips) else (FACE_LANDMARKER,),
        offline=offline,
        weight_files=weight_files,
        progress=progress,
    )
    scores, unavailable = measured.metrics, dict(measured.unavailable)
    try:
        real = worded(real, scores)
        unsaid = None if any(clip.said for clip in real.clips) else "nothing says what the clips say"
    except ProtocolError as error:
        if metrics:
            raise
        unsaid = str(error)
    if unsaid and not metrics:
        unavailable |= {metric.key: unsaid for metric in scores if metric.needs_words}
        scores = tuple(metric for metric in scores if not metric.needs_words)
    audited = plan.spread(real.clips, clips)  # with what they say
    if len(audited) < LEAST:
        few = f"it compares sets of clips, of which {len(audited)} clips give too few; expected {LEAST} or more"
        unavailable |= {metric.key: few for metric in scores if not metric.per_clip}
        scores = tuple(metric for metric in scores if metric.per_clip)
    if not scores:
        raise LsbenchError("nothing to measure: " + "; ".join(sorted(set(unavailable.values()))))
    context = Context(real, measured.tracker, measured.files, device)
    injector = Injector(Run(out), context, scores, seed)
    injector.run.demand_place(real.files, "lsbench audit")
    with injector.run.locked():
        injector.run.open(_request(injector, real, measured.sha256))
        _measure(injector, real, audited, ladders, workers, progress)
        responses = _responses(injector, audited, ladders, progress)
    return Audit(
        describe(real),
        tuple(clip.id for clip in audited),
        units([clip.speaker for clip in audited]).note,
        tuple(metric.key for metric in scores),
        {metric.key: metric.better for metric in scores},
        responses,
        unavailable,
        seed,
        step,
    )


def _request(injector: Injector, protocol: Protocol, weights: Mapping[str, str]) -> dict[str, Any]:
    """run.json: everything that can move a number, with what an earlier audit in the same folder measured besides.

    Artifacts and clips may be added later: they are no part. RunError where the folder holds a run.
    """
    run, context = injector.run, injector.context
    revision = {"revision": REVISION, "seed": injector.seed}
    conditions = Conditions.here(protocol, injector.metrics, context.tracker, weights, context.device, audit=revision)
    request = {"format": FORMAT, "reference": str(protocol.folder), **conditions.written()}
    if not (run.path / "run.json").exists():
        return request
    before = run.request()
    if "audit" not in before:
        raise RunError(f"{run.path} holds a scored run, no audit; nothing was written. Pass another --out")
    return request | {name: {**before[name], **request[name]} for name in ("metrics", "weights")}


def _measure(
    injector: Injector,
    protocol: Protocol,
    clips: Sequence[Reference],
    ladders: Mapping[str, tuple[float, ...]],
    workers: int,
    progress: Progress | None,
) -> None:
    """Measure what is not there yet, clip by clip."""
    report = progress or (lambda *_: None)
    every = [
        Injection(clip, protocol.another(clip), name, strengths, {})
        for clip in clips
        for name, strengths in {CLEAN: (), **ladders}.items()
    ]
    jobs = [job for job in every if not injector.is_finished(job)]
    if jobs:
        models = _models(injector, protocol, workers, progress)
        jobs = [replace(job, models=models.get(job.reference.id, {})) for job in jobs]
    done = len(every) - len(jobs)
    report("audit", done, len(every))
    for count, _ in enumerate(pool.each(injector.inject, jobs, workers), start=done + 1):
        report("audit", count, len(every))


def _models(injector: Injector, protocol: Protocol, workers: int, progress: Progress | None) -> dict[str, learn.Models]:
    """What metrics learn from the other speakers' clips, all of the protocol's, by clip."""
    learners = {metric.learner.signature: metric.learner for metric in injector.metrics if metric.learner}
    if not learners or injector.context.tracker is None:
        return {}

    def refuse(error: LsbenchError) -> None:
        raise error

    return learn.fit(learners.values(), protocol, injector.context, workers, refuse, progress)


def _responses(
    injector: Injector,
    clips: Sequence[Reference],
    ladders: Mapping[str, tuple[float, ...]],
    progress: Progress | None,
) -> dict[tuple[str, str], Response]:
    """What the statistics of all clips say, by (artifact, score key)."""
    speakers, draws = units([clip.speaker for clip in clips]), halves(len(clips), injector.seed)
    clean = injector.statistics(clips, CLEAN, (0.0,))
    control = injector.statistics(clips, CONTROL.name, CONTROL.strengths[-1:])
    responses = {}
    for count, name in enumerate(plan.named(ladders), start=1):
        strengths = (0.0, *ladders[name])
        spoiled = injector.statistics(clips, name, ladders[name])
        for metric in injector.metrics:
            base, recoded = clean[metric.key, 0.0], control[metric.key, CONTROL.strengths[-1]]
            if metric in injector.measured_by(name):
                parts = [base, *(spoiled[metric.key, strength] for strength in ladders[name])]
                responses[name, metric.key] = respond(name, metric, strengths, parts, speakers, draws, recoded)
            else:
                alone = respond(name, metric, (0.0,), [base], speakers, draws, recoded)
                responses[name, metric.key] = unmoved(name, alone, strengths)
        if progress:
            progress("conclude", count, len(ladders))
    return responses
