"""Fitting what metrics learn on a protocol's real clips, so that no clip is scored by a model that has heard it."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from lsbench.errors import LsbenchError
from lsbench.face.tracker import FaceTracker
from lsbench.media.decode import REVISION
from lsbench.metrics._base.learner import Learner, Model
from lsbench.metrics._base.stats import Stats
from lsbench.protocol.context import Context
from lsbench.protocol.protocol import Protocol, Reference
from lsbench.system import arrays, pool
from lsbench.system.cache import cache_dir
from lsbench.system.memory import give_back
from lsbench.system.pool import Progress
from lsbench.system.ranks import ALONE, Ranks

FOLDS = 10  # in which the clips of a lone speaker are left out, and a speaker's own clips
LIBRARIES = ("av", "soxr", "numpy", "scipy", "librosa")  # whose version can move what is learned

Models = Mapping[str, Model]  # by the learner's signature
Sums = dict[str, dict[str, dict[str, np.ndarray]]]  # by learner, by group, by name


@dataclass(frozen=True)
class Study:
    """How a worker learns a clip: pickled to other processes. tracker: that of the context."""

    learners: tuple[Learner, ...]
    context: Context
    tracker: FaceTracker


def groups(clips: Sequence[Reference]) -> tuple[dict[str, str], bool]:
    """Clip id -> the group that is left out with it, and whether that is its speaker.

    Where there are fewer than two speakers, the clips in turn make up to FOLDS groups.
    """
    if len({clip.speaker for clip in clips}) > 1:
        return {clip.id: clip.speaker for clip in clips}, True
    return {clip.id: str(place % FOLDS) for place, clip in enumerate(clips)}, False


def own_groups(clips: Sequence[Reference]) -> dict[str, str]:
    """Clip id -> the group of clips of its speaker that is left out with it: up to FOLDS of each, in turn."""
    turns: Counter[str] = Counter()
    named = {}
    for clip in clips:
        named[clip.id] = f"{turns[clip.speaker] % FOLDS} {clip.speaker}"
        turns[clip.speaker] += 1
    return named


def fit(
    learners: Iterable[Learner],
    protocol: Protocol,
    context: Context,
    workers: int,
    on_error: Callable[[LsbenchError], None],
    progress: Progress | None = None,
    ranks: Ranks = ALONE,
) -> dict[str, Models]:
    """The models for scoring each clip, learned from the clips that are not left out with it.

    Ranks take whole groups of clips and exchange their sums, so that the order of additions, and with it every bit,
    does not depend on how many there are.

    Args:
        learners: what is learned.
        protocol: whose clips are learned from, and scored.
        context: how they are read; its tracker finds their faces.
        workers: processes.
        on_error: is called with what keeps a clip from being learned; where it returns, the clip is left out.
        progress: is told how many clips are learned.
        ranks: the processes that share the clips.

    Returns:
        Clip id -> models by learner; none where the protocol has no other clip to learn from, or there is no tracker;
        those that say so where no clip has sound.
    """
    if context.tracker is None:
        return {clip.id: {} for clip in protocol.clips}
    study = Study(tuple(learners), context, context.tracker)
    group_of, by_speaker = groups(protocol.clips)
    own_of = own_groups(protocol.clips)
    names = list(dict.fromkeys(group_of.values()))
    mine = [clip for clip in protocol.clips if names.index(group_of[clip.id]) % ranks.size == ranks.rank]
    sums: Sums = {learner.signature: {} for learner in study.learners}
    silent = False
    learned = pool.outcomes(partial(_learn, study), mine, workers, progress=progress, label="learn from real clips")
    for clip, outcome in learned:
        if isinstance(outcome, LsbenchError):
            on_error(outcome)
            continue
        silent = silent or not outcome
        for learner, stats in zip(study.learners, outcome, strict=bool(outcome)):
            group = (own_of if learner.of_own_speaker else group_of)[clip.id]
            _add(sums[learner.signature].setdefault(group, {}), learner.moments(stats))
    shares = ranks.everyones((sums, silent))
    sums = _gathered([share for share, _ in shares], [*names, *dict.fromkeys(own_of.values())])
    if not any(sums.values()) and any(silent for _, silent in shares):
        nothing = {"clips": np.array(0), "silent": np.array(True)}
        return {clip_id: dict.fromkeys(sums, nothing) for clip_id in group_of}
    models: dict[str, dict[str, Model]] = {group: {} for group in (*names, *own_of.values())}
    for learner in study.learners:
        learned_by = sums[learner.signature]
        for group in dict.fromkeys(own_of.values()) if learner.of_own_speaker else names:
            others = {name: moments for name, moments in learned_by.items() if name != group}
            if learner.of_own_speaker:
                others = {name: others[name] for name in others if name.partition(" ")[2] == group.partition(" ")[2]}
            if others:
                models[group][learner.signature] = {**learner.solve(others), "by_speaker": np.array(by_speaker)}
    return {clip_id: models[group] | models[own_of[clip_id]] for clip_id, group in group_of.items()}


def _gathered(shares: Sequence[Sums], names: Sequence[str]) -> Sums:
    """The sums of all ranks, groups in the order of the manifest."""
    return {
        signature: {name: share[signature][name] for name in names for share in shares if name in share[signature]}
        for signature in shares[0]
    }


def _learn(study: Study, clip: Reference) -> list[Stats]:
    """What each learner keeps of one clip, from the cache where it is there; nothing where the clip has no sound."""
    paths = [_kept_at(learner, study, clip) for learner in study.learners]
    kept = [_read(path) for path in paths]
    if all(kept):
        return [stats for stats in kept if stats]
    real = study.context.film(clip, None if study.context.rules.has_truth else "optional")
    if not len(real.speech):
        return []
    track = study.tracker.measure_cached(real, study.context.content(clip))
    learned = [
        learner.learn(real.clip() if learner.needs_pictures else real.blank(), track) for learner in study.learners
    ]
    for path, stats in zip(paths, learned, strict=True):
        with contextlib.suppress(OSError):  # a cache that cannot be written costs time alone
            arrays.write(path, stats)
    del real, track
    give_back()
    return learned


def _kept_at(learner: Learner, study: Study, clip: Reference) -> Path:
    rules, content = study.context.rules, study.context.content(clip)
    maker = [learner.signature, study.tracker.signature, rules.sample_rate, rules.fps or 25.0, REVISION]
    if learner.needs_words:
        maker.append(clip.said.digest if clip.said else None)
    maker += [f"{library}:{version(library)}" for library in LIBRARIES]
    name = f"{content}-{hashlib.sha256(repr(maker).encode()).hexdigest()[:16]}.npz"
    return cache_dir() / "learned" / content[:2] / name


def _read(path: Path) -> Stats | None:
    try:
        return Stats(**arrays.read(path))
    except (OSError, ValueError):
        return None


def _add(total: dict[str, np.ndarray], moments: Mapping[str, np.ndarray]) -> None:
    for name, values in moments.items():
        total[name] = total[name] + values if name in total else values
