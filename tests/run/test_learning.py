"""What metrics learn from other speakers, and runs in which the reference is not the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

import lsbench
from lsbench import registry
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import AlignmentError, LsbenchError, MediaError, WeightsError
from lsbench.face.track import FaceTrack, Region
from lsbench.face.tracker import FaceTracker
from lsbench.media.clip import Clip
from lsbench.media.files import find_clips, read_clip, write_clip
from lsbench.metrics._base.learner import Learner, Model, Moments
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.networks import weights
from lsbench.protocol import protocol
from lsbench.protocol.context import Context
from lsbench.protocol.protocol import Reference
from lsbench.run import learn
from lsbench.run.folder import Run
from lsbench.system.ranks import Ranks


@dataclass(frozen=True)
class Voices(Learner):
    """Learns which clips it has heard, by their mean squared sample."""

    @property
    def signature(self) -> str:
        return "voices.1"

    def learn(self, clip: Clip, track: FaceTrack) -> Stats:
        return Stats(power=np.array([power(clip)]))

    def moments(self, stats: Stats) -> Moments:
        return {"power": stats["power"].sum(), "count": np.array(float(stats.rows))}

    def solve(self, groups: Mapping[str, Moments]) -> Model:
        return {name: sum(group[name] for group in groups.values()) for name in ("power", "count")}


@dataclass(frozen=True, kw_only=True)
class Heard(Metric):
    """Mean power of the clips that the model was made from."""

    name: ClassVar[str] = "heard"
    asks: ClassVar[str] = "What did the model hear?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "test"
    regions: ClassVar[tuple[Region, ...]] = ()
    paired: ClassVar[bool] = False

    @property
    def learner(self) -> Learner:
        return Voices()

    def measure(self, pair: ClipPair) -> Stats:
        model: Mapping[str, Any] = pair.models.get("voices.1", {})
        nothing = {name: np.full(len(pair), np.nan) for name in ("power", "count", "by_speaker")}
        found = {name: np.full(len(pair), float(model[name])) for name in model}
        return Stats(**(nothing | found), sound=np.full(len(pair), power(pair.generated)))

    def compute(self, stats: Stats) -> float:
        return float(stats["power"].mean())

    def note(self, stats: Stats) -> str | None:
        return f"{stats['count'][0]:.0f} clips"


def power(clip: Clip) -> float:
    return float(np.mean(clip.speech.astype(np.float64) ** 2))


@pytest.fixture(autouse=True)
def metric(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.METRICS, "heard", "test_learning:Heard")
    try:
        weights.require("face_landmarker")
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")

    def unseen(self: FaceTracker, clip: Clip, content_sha256: str) -> FaceTrack:
        return FaceTrack(np.full((len(clip), 80, 2), 1, np.float32), np.ones(len(clip), bool), 96, 96)

    monkeypatch.setattr(FaceTracker, "measure_cached", unseen)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learning") / "reference"
    write_corpus(folder, speakers=3, clips=2, frames=10, size=96)
    return folder


def stats_of(run: Path, clip_id: str) -> Stats:
    partial = Run(run).read_partial(clip_id)
    assert partial is not None
    return partial.stats["heard"]


def powers(folder: Path) -> dict[str, float]:
    return {clip_id: power(read_clip(path, clip_id)) for clip_id, path in find_clips(folder).items()}


def test_a_speaker_is_scored_by_what_the_others_taught(reference: Path, tmp_path: Path) -> None:
    lsbench.score(reference, reference=reference, metrics=["heard"], out=tmp_path, name="run")
    heard = powers(reference)
    for clip_id in heard:
        others = [value for other, value in heard.items() if other.split("/")[0] != clip_id.split("/")[0]]
        stats = stats_of(tmp_path / "run", clip_id)
        assert stats["count"][0] == len(others) == 4
        assert stats["power"][0] == pytest.approx(sum(others), rel=1e-12)
        assert stats["by_speaker"][0] == 1


def test_workers_and_the_cache_do_not_move_a_bit(reference: Path, tmp_path: Path) -> None:
    for name in ("first", "from the cache"):
        lsbench.score(reference, reference=reference, metrics=["heard"], out=tmp_path, name=name)
    clip_id = next(iter(find_clips(reference)))
    one, two = (stats_of(tmp_path / name, clip_id) for name in ("first", "from the cache"))
    assert all(np.array_equal(one[column], two[column]) for column in one)


def test_a_lone_speakers_clips_are_left_out_in_turn(reference: Path, tmp_path: Path) -> None:
    lone = min(path for path in reference.iterdir() if path.is_dir())
    lsbench.score(lone, reference=lone, metrics=["heard"], out=tmp_path, name="run")
    heard = powers(lone)
    for clip_id in heard:
        stats = stats_of(tmp_path / "run", clip_id)
        assert stats["count"][0] == len(heard) - 1
        assert stats["by_speaker"][0] == 0


def test_folds_hold_every_clip_once() -> None:
    clips = [Reference(f"s1/{i}", "s1") for i in range(25)]
    group_of, by_speaker = learn.groups(clips)
    assert not by_speaker and len(set(group_of.values())) == learn.FOLDS and len(group_of) == 25


def test_a_clip_that_cannot_be_learned(reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = protocol.from_folder(reference)
    spoilt = bench.clips[-1].speaker

    def broken(self: Voices, clip: Clip, track: FaceTrack) -> Stats:
        if clip.id.startswith(f"{spoilt}/"):
            raise MediaError(f"clip {clip.id}: broken")
        return Stats(power=np.array([power(clip)]))

    monkeypatch.setattr(Voices, "learn", broken)
    monkeypatch.setenv("LSBENCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(MediaError, match=f"{spoilt}/.*broken"):
        lsbench.score(reference, protocol=bench, metrics=["heard"])
    seen: list[LsbenchError] = []
    tracker = FaceTracker(*weights.require("face_landmarker"))
    models = learn.fit([Voices()], bench, Context(bench, tracker), 1, seen.append)
    assert len(seen) == 2
    assert models[bench.clips[0].id]["voices.1"]["count"] == 2


def test_without_ground_truth_paired_metrics_say_why(reference: Path, tmp_path: Path) -> None:
    dubbed = tmp_path / "dubbed"
    for clip_id, path in find_clips(reference).items():
        clip = read_clip(path, clip_id)
        write_clip(dubbed / f"{clip_id}.mkv", clip.frames[:7], clip.speech[::-1][: 7 * 640], clip.fps)
    with pytest.raises(AlignmentError, match="7 frames, reference has 10"):
        lsbench.score(dubbed, reference=reference, metrics=["psnr", "heard"])
    result = lsbench.score(
        dubbed, reference=reference, metrics=["psnr", "fid", "heard"], task="dubbing", out=tmp_path, name="run"
    )
    assert set(result.scores) == {"heard"} and result.complete
    assert result.compared_frames == 7 * 6 and result.protocol["task"] == "dubbing"
    assert "no ground truth" in result.unavailable["psnr/whole"] and "fid/mouth" in result.unavailable
    with pytest.raises(LsbenchError, match="nothing to measure: .*no ground truth"):
        lsbench.score(dubbed, reference=reference, metrics=["psnr"], task="dubbing")


def test_a_silent_video_is_judged_by_the_sound_that_drove_it(reference: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    for clip_id, path in find_clips(reference).items():
        clip = read_clip(path, clip_id)
        write_clip(silent / f"{clip_id}.mkv", clip.frames, np.empty(0, np.float32), clip.fps)
    options: dict[str, Any] = {"metrics": ["heard"], "out": tmp_path, "sound": "optional"}
    lsbench.score(silent, reference=reference, name="run", **options)
    heard = powers(reference)
    for clip_id in heard:
        assert stats_of(tmp_path / "run", clip_id)["sound"][0] == pytest.approx(heard[clip_id], rel=1e-6)


@dataclass(frozen=True)
class Colours(Learner):
    """Learns how far the channels of a clip's pictures are apart."""

    @property
    def signature(self) -> str:
        return "colours.1"

    def learn(self, clip: Clip, track: FaceTrack) -> Stats:
        return Stats(apart=np.ptp(clip.frames.astype(np.float64), axis=3).max(axis=(1, 2)))

    def moments(self, stats: Stats) -> Moments:
        return {"apart": stats["apart"].sum()}

    def solve(self, groups: Mapping[str, Moments]) -> Model:
        return {"apart": np.array(sum(group["apart"] for group in groups.values()))}


def no_error(error: LsbenchError) -> None:
    raise error


def test_a_model_learns_the_pictures_that_the_protocol_shows(reference: Path) -> None:
    """And what is kept of the colour clips is not taken for that of the grey ones."""
    bench = protocol.from_folder(reference)
    tracker = FaceTracker(*weights.require("face_landmarker"))
    for color, expected in (("rgb", False), ("gray", True), ("rgb", False)):
        shown = replace(bench, color=color)
        models = learn.fit([Colours()], shown, Context(shown, tracker), 1, no_error)
        apart = {float(model["colours.1"]["apart"]) for model in models.values()}
        assert (apart == {0.0}) == expected


class Shares:
    """The ranks of one job in one process: each is asked for its share, and given those of all."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.shares: list[Any] = []

    def of(self, rank: int, whole: list[Any] | None) -> Any:
        shares = self.shares

        class Rank(Ranks):
            def everyones(self, value: Any) -> list[Any]:
                shares.append(value)
                return whole or [value] * self.size

        return Rank(rank=rank, size=self.size)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_ranks_learn_the_bits_of_one_and_exchange_sums_alone(reference: Path, size: int) -> None:
    bench = protocol.from_folder(reference)
    context = Context(bench, FaceTracker(*weights.require("face_landmarker")))
    alone = learn.fit([Voices()], bench, context, 1, no_error)
    ranks = Shares(size)
    for rank in range(size):
        learn.fit([Voices()], bench, context, 1, no_error, ranks=ranks.of(rank, None))
    whole = list(ranks.shares)
    sums = [share for share, silent in whole if not silent]
    groups = [name for share in sums for name in share["voices.1"]]
    assert sorted(groups) == ["t1", "t2", "t3"]  # every speaker on one rank alone
    assert all(set(share["voices.1"][name]) == {"power", "count"} for share in sums for name in share["voices.1"])
    for rank in range(size):
        shared = learn.fit([Voices()], bench, context, 1, no_error, ranks=ranks.of(rank, whole))
        for clip_id, models in alone.items():
            for name, values in models["voices.1"].items():
                assert np.array_equal(shared[clip_id]["voices.1"][name], values)
