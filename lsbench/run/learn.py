"""Fitting what metrics learn on a protocol's real clips, so that no clip is scored by a model that has heard it."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lsbench.errors import LsbenchError
from lsbench.face.tracker import FaceTracker
from lsbench.media.files import Sound, read_clip
from lsbench.metrics._base.learner import Learner, Model
from lsbench.metrics._base.stats import Stats
from lsbench.protocol.protocol import Protocol, Reference
from lsbench.system.cache import cache_dir, write_atomically
from lsbench.system.pool import Progress
from lsbench.system.ranks import ALONE, Ranks

FOLDS = 10  # in which the clips of a lone speaker are left out
LIBRARIES = ("av", "soxr", "numpy", "scipy", "librosa")  # whose version can move what is learned

Models = Mapping[str, Model]  # by the learner's signature


@dataclass(frozen=True)
class Study:
    """How a worker learns a clip: pickled to other processes."""

    learners: tuple[Learner, ...]
    tracker: FaceTracker
    sample_rate: int
    sound: Sound
    folder_fps: float


def groups(clips: Sequence[Reference]) -> tuple[dict[str, str], bool]:
    """Clip id -> the group that is left out with it, and whether that is its speaker.

    Where there are fewer than two speakers, the clips in turn make up to FOLDS groups.
    """
    if len({clip.speaker for clip in clips}) > 1:
        return {clip.id: clip.speaker for clip in clips}, True
    return {clip.id: str(place % FOLDS) for place, clip in enumerate(clips)}, False


def fit(
    learners: Iterable[Learner],
    bench: Protocol,
    tracker: FaceTracker,
    sound: Sound,
    workers: int,
    on_error: Callable[[LsbenchError], None],
    progress: Progress | None = None,
    ranks: Ranks = ALONE,
) -> dict[str, Models]:
    """Clip id -> the models for scoring that clip; empty where the protocol has no other clip to learn from.

    on_error: is called with what keeps a clip from being learned; where it returns, the clip is left out.
    """
    study = Study(tuple(learners), tracker, bench.sample_rate, sound, bench.fps or 25.0)
    group_of, by_speaker = groups(bench.clips)
    sums: dict[str, dict[str, dict[str, np.ndarray]]] = {learner.signature: {} for learner in study.learners}
    for done, (clip, outcome) in enumerate(ranks.run(partial(_learn, study), bench.clips, workers), start=1):
        if isinstance(outcome, LsbenchError):
            on_error(outcome)
            continue
        for learner, stats in zip(study.learners, outcome, strict=True):
            _add(sums[learner.signature].setdefault(group_of[clip.id], {}), learner.moments(stats))
        if progress:
            progress("learn from real clips", done, len(bench.clips))
    models: dict[str, dict[str, Model]] = {group: {} for group in group_of.values()}
    for group, found in models.items():
        for learner in study.learners:
            others = {name: moments for name, moments in sums[learner.signature].items() if name != group}
            if others:
                found[learner.signature] = {**learner.solve(others), "by_speaker": np.array(by_speaker)}
    return {clip_id: models[group] for clip_id, group in group_of.items()}


def _learn(study: Study, clip: Reference) -> list[Stats]:
    """What each learner keeps of one clip, from the cache where it is there."""
    kept = [_kept_at(learner, study, clip) for learner in study.learners]
    found = [_read(path) for path in kept]
    if all(found):
        return [stats for stats in found if stats]
    real = read_clip(clip.file, clip.id, sample_rate=study.sample_rate, sound=study.sound, folder_fps=study.folder_fps)
    track = study.tracker.measure_cached(real, clip.digest)
    learned = [learner.learn(real, track) for learner in study.learners]
    for path, stats in zip(kept, learned, strict=True):
        with contextlib.suppress(OSError):  # a cache that cannot be written costs time alone
            write_atomically(path, partial(_write, stats))
    return learned


def _kept_at(learner: Learner, study: Study, clip: Reference) -> Path:
    maker = [learner.signature, study.tracker.signature, study.sample_rate, study.folder_fps]
    maker += [f"{library}:{version(library)}" for library in LIBRARIES]
    name = f"{clip.digest}-{hashlib.sha256(repr(maker).encode()).hexdigest()[:16]}.npz"
    return cache_dir() / "learned" / clip.digest[:2] / name


def _write(stats: Stats, file: BinaryIO) -> None:
    arrays: dict[str, Any] = dict(stats)
    np.savez(file, **arrays)


def _read(path: Path) -> Stats | None:
    try:
        with np.load(path, allow_pickle=False) as data:
            return Stats(**{name: data[name] for name in data.files})
    except Exception:  # the ways in which a damaged archive can fail to be read are many
        return None


def _add(total: dict[str, np.ndarray], moments: Mapping[str, np.ndarray]) -> None:
    for name, values in moments.items():
        total[name] = total[name] + values if name in total else values
