"""The audit: every artifact at every strength in every clip, measured by every metric, and what that says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lsbench.auditing import plan
from lsbench.auditing.artifacts.frame import CONTROL
from lsbench.auditing.findings import STEP, Audit
from lsbench.auditing.inject import CLEAN, Bench, Injection, filed, inject, measured_by
from lsbench.auditing.response import LEAST, halves, respond, unmoved
from lsbench.errors import LsbenchError, ProtocolError, RunError
from lsbench.face.track import Region
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.stats import Stats
from lsbench.protocol.bound import bound
from lsbench.protocol.context import Context
from lsbench.protocol.protocol import Protocol, Reference, describe
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
    metrics: Sequence[str] | None = None,
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

    reference, or protocol with data: the real clips. artifacts: names, or NAME=STRENGTH,STRENGTH, beside the control;
    all where none is named. metrics, regions: as for lsbench.score(). clips: how many are audited, of every speaker in
    turn; all where None. quick: fewer strengths and metrics, where they are not named. step: of the ladders, from 1, at
    which the verdict is given. out: folder of what is measured; the same call, or one that asks for more, goes on.

    Clips are re-encoded (H.264, crf 18) before the artifact is put in, so that clean and spoiled differ in it alone;
    their sound is their own. Raises a LsbenchError that names what is wrong.
    """
    demand_device(device)
    bench = bound(reference, protocol, data)
    if bench.task == "dubbing":
        raise ProtocolError(
            f"protocol {bench.name}: its clips speak other words than the reference: nothing to audit by"
        )
    chosen = plan.spread(bench.clips, clips)
    if len(chosen) < 2:
        raise ProtocolError(f"{len(chosen)} clip to audit; expected 2 or more: clean and spoiled ones are told apart")
    ladders = {**plan.ladders(artifacts, quick=quick), CONTROL.name: CONTROL.strengths}
    usual = plan.QUICK_METRICS if quick else plan.METRICS
    measured = measurable(
        metrics,
        regions,
        replace(bench, metrics=usual),
        # the mouth must be found before it can be spoiled
        demanded=() if all(clip.landmarks for clip in bench.clips) else (FACE_LANDMARKER,),
        offline=offline,
        weight_files=weight_files,
        progress=progress,
    )
    scores, unavailable = measured.metrics, dict(measured.unavailable)
    if len(chosen) < LEAST:
        few = f"it compares sets of clips, of which {len(chosen)} clips give too few; expected {LEAST} or more"
        unavailable |= {metric.key: few for metric in scores if not metric.per_clip}
        scores = tuple(metric for metric in scores if metric.per_clip)
    if not scores:
        raise LsbenchError("nothing to measure: " + "; ".join(sorted(set(unavailable.values()))))
    run = Run(Path(out))
    worker = Bench(run.path, Context(bench, measured.tracker, measured.files, device), scores, seed)
    with run.locked():
        run.open(_added(run, _request(worker, bench, measured.sha256)))
        _measure(worker, bench, chosen, ladders, workers, progress)
        return _concluded(worker, bench, chosen, ladders, unavailable, step, progress)


def _measure(
    worker: Bench,
    bench: Protocol,
    clips: Sequence[Reference],
    ladders: Mapping[str, tuple[float, ...]],
    workers: int,
    progress: Progress | None,
) -> None:
    """Measure what is not there yet, clip by clip."""
    report = progress or (lambda *_: None)
    every = [
        Injection(clip, bench.another(clip), name, strengths, {})
        for clip in clips
        for name, strengths in {CLEAN: (), **ladders}.items()
    ]
    jobs = [job for job in every if not _is_finished(worker, job)]
    if jobs:
        models = _models(worker, bench, workers, progress)
        jobs = [replace(job, models=models.get(job.reference.id, {})) for job in jobs]
    done = len(every) - len(jobs)
    report("audit", done, len(every))
    for count, _ in enumerate(pool.each(partial(inject, worker), jobs, workers), start=done + 1):
        report("audit", count, len(every))


def _models(worker: Bench, bench: Protocol, workers: int, progress: Progress | None) -> dict[str, learn.Models]:
    """What metrics learn from the other speakers' clips, all of the protocol's, by clip."""
    learners = {metric.learner.signature: metric.learner for metric in worker.metrics if metric.learner}
    if not learners or worker.context.tracker is None:
        return {}

    def refuse(error: LsbenchError) -> None:
        raise error

    return learn.fit(learners.values(), bench, worker.context, workers, refuse, progress)


def _is_finished(worker: Bench, job: Injection) -> bool:
    keys = [
        filed(metric.key, strength)
        for metric in measured_by(job.artifact, worker.metrics)
        for strength in job.strengths or (0.0,)
    ]
    kept = Run(worker.run).read_partial(job.id, keys)
    return kept is not None and kept.reference_sha256 == job.reference.digest


def _request(worker: Bench, bench: Protocol, weights: Mapping[str, str]) -> dict[str, Any]:
    """run.json: everything that can move a number. Artifacts and clips may be added later: they are no part."""
    revision = {"revision": REVISION, "seed": worker.seed}
    context = worker.context
    conditions = Conditions.here(bench, worker.metrics, context.tracker, weights, context.device, audit=revision)
    return {"format": FORMAT, "reference": str(bench.folder), **conditions.written()}


def _added(run: Run, request: dict[str, Any]) -> dict[str, Any]:
    """The request with what an earlier audit in the same folder measured besides; RunError where it holds a run."""
    if not (run.path / "run.json").exists():
        return request
    before = run.request()
    if "audit" not in before:
        raise RunError(f"{run.path} holds a scored run, no audit; pass another --out")
    return request | {name: {**before[name], **request[name]} for name in ("metrics", "weights")}


def _concluded(
    worker: Bench,
    bench: Protocol,
    clips: Sequence[Reference],
    ladders: Mapping[str, tuple[float, ...]],
    unavailable: Mapping[str, str],
    step: int,
    progress: Progress | None,
) -> Audit:
    """What the statistics of all clips say, artifact by artifact."""
    drawn, draws = units([clip.speaker for clip in clips]), halves(len(clips), worker.seed)
    clean = _parts(worker, clips, CLEAN, worker.metrics, (0.0,))
    control = _parts(worker, clips, CONTROL.name, worker.metrics, CONTROL.strengths[-1:])
    responses = {}
    for count, name in enumerate(plan.named(ladders), start=1):
        strengths = (0.0, *ladders[name])
        reached = measured_by(name, worker.metrics)
        spoiled = _parts(worker, clips, name, reached, ladders[name])
        for metric in worker.metrics:
            base, recoded = clean[metric.key, 0.0], control[metric.key, CONTROL.strengths[-1]]
            if metric in reached:
                parts = [base, *(spoiled[metric.key, strength] for strength in ladders[name])]
                responses[name, metric.key] = respond(name, metric, strengths, parts, drawn, draws, recoded)
            else:
                alone = respond(name, metric, (0.0,), [base], drawn, draws, recoded)
                responses[name, metric.key] = unmoved(name, alone, strengths)
        if progress:
            progress("conclude", count, len(ladders))
    return Audit(
        describe(bench),
        tuple(clip.id for clip in clips),
        drawn.note,
        tuple(metric.key for metric in worker.metrics),
        {metric.key: metric.better for metric in worker.metrics},
        responses,
        unavailable,
        worker.seed,
        step,
    )


def _parts(
    worker: Bench, clips: Sequence[Reference], name: str, metrics: Sequence[Metric], strengths: Sequence[float]
) -> dict[tuple[str, float], list[Stats]]:
    """The statistics of every clip, in manifest order, by score key and strength."""
    run = Run(worker.run)
    keys = {(metric.key, strength): filed(metric.key, strength) for metric in metrics for strength in strengths}
    found: dict[tuple[str, float], list[Stats]] = {key: [] for key in keys}
    for clip in clips:
        kept = run.read_partial(f"{name}/{clip.id}", keys.values())
        if kept is None:
            raise LsbenchError(f"{run.path}: {name}/{clip.id} vanished while it was read; give the same command again")
        for key, filed_as in keys.items():
            found[key].append(kept.stats[filed_as])
    return found
