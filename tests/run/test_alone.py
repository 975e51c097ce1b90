"""Videos without a reference, and references without a sound: what is measured, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
from click.testing import CliRunner

import lsbench
from lsbench.cli.main import main
from lsbench.corpus.toy.render import render
from lsbench.errors import GeneratorError, ProtocolError
from lsbench.face.track import FaceTrack, Region
from lsbench.media.clip import Clip
from lsbench.media.files import write_clip
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sync.sync_ridge import SyncRidge
from lsbench.metrics.sync import measure_sync
from lsbench.protocol import protocol
from lsbench.protocol.context import Context
from lsbench.run import learn
from lsbench.run.bundle import pack
from lsbench.run.folder import Run
from lsbench.run.footage import Footage
from lsbench.run.needs import untrue
from lsbench.run.verify import verify


@dataclass(frozen=True, kw_only=True)
class Loudness(Metric):
    """Root mean square of a video's sound: it needs no reference."""

    name: ClassVar[str] = "loudness"
    asks: ClassVar[str] = "How loud is it?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "test"
    regions: ClassVar[tuple[Region, ...]] = ()
    paired: ClassVar[bool] = False
    needs_pictures: ClassVar[bool] = False

    def measure(self, pair: ClipPair) -> Stats:
        return Stats(power=np.array([np.mean(pair.generated.speech.astype(float) ** 2)]))

    def compute(self, stats: Stats) -> float:
        return float(np.sqrt(stats["power"].mean()))


@dataclass(frozen=True, kw_only=True)
class Sure(Loudness):
    """One that says how sure its clips are."""

    name: ClassVar[str] = "sure"

    def within(self, parts: Sequence[Stats]) -> tuple[float, float]:
        return self.compute(Stats.join(parts)) - 0.125, self.compute(Stats.join(parts)) + 0.125


def write(path: Path, clip: Clip) -> None:
    write_clip(path, clip.frames, clip.speech, clip.fps)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two generators' videos of the same ids."""
    root = tmp_path_factory.mktemp("alone")
    for name, gain in (("loud", 1.0), ("quiet", 0.25)):
        for number in range(2):
            clip = render(1, number, frames=10, size=64)[0]
            write(root / name / f"s1/a{number}.mkv", replace(clip, speech=clip.speech * np.float32(gain)))
    return root / "loud", root / "quiet"


def test_runs_of_several_generators_rank_together(folders: tuple[Path, Path], tmp_path: Path) -> None:
    runs = lsbench.score_all(folders, metrics=[Loudness], out=tmp_path)
    assert all(run.complete and run.protocol["task"] == "alone" for run in runs)
    assert len({run.protocol["digest"] for run in runs}) == 1
    board = lsbench.leaderboard([Run.of(run).path for run in runs])
    assert [row.generator for row in board.rows] == ["loud", "quiet"]
    assert all(run.share == 1 for run in runs)
    assert "reference" not in Run.of(runs[0]).request()


def test_a_clip_alone_has_the_interval_from_within(folders: tuple[Path, Path], tmp_path: Path) -> None:
    result = lsbench.score(folders[0] / "s1/a0.mkv", metrics=[Sure, Loudness], out=tmp_path)
    (sure, loud), key = result.scores.values(), next(iter(result.scores))
    assert (sure.low, sure.high) == (sure.value - 0.125, sure.value + 0.125)
    assert "±0.125" in sure.text and "±" not in loud.text and loud.low is None
    assert str(sure.note).startswith("the interval draws blocks of 1 s of it")
    (column,) = [column for column in lsbench.leaderboard([Run.of(result).path]).columns if column.key == key]
    assert column.interval(result.name) == (sure.low, sure.high)
    assert Run.of(result).result() == result


def test_other_ids_are_another_board(folders: tuple[Path, Path]) -> None:
    assert protocol.alone(folders[0]).digest == protocol.alone(folders[1]).digest
    assert protocol.alone(folders[0]).digest != protocol.alone(folders[0] / "s1/a0.mkv").digest


def test_one_video_and_what_follows_its_run(folders: tuple[Path, Path], tmp_path: Path) -> None:
    video = folders[0] / "s1/a0.mkv"
    result = lsbench.score(video, metrics=[Loudness], out=tmp_path)
    sources = Footage(Run.of(result), ["a0"], None).of("a0")
    assert (sources.generated, sources.reference) == (video, None)
    assert sources.absent == ()
    assert verify(pack(Run.of(result).path, tmp_path / "a0.zip"), str(video)).rescored


def test_what_compares_or_learns_says_that_it_cannot(folders: tuple[Path, Path]) -> None:
    specs = ("psnr/whole", "lmd", "sync_corr", "sync_peak", "sync_lag:zero=corpus", "silence_motion", "lse_c")
    metrics = [lsbench.metric(spec) for spec in specs]
    assert untrue(metrics, protocol.alone(folders[0])) == {
        "psnr/whole": "there are no reference clips to compare with; pass --reference DIR",
        "lmd": "there are no reference clips to compare with; pass --reference DIR",
        "sync_lag:zero=corpus": "it learns from real clips, and there are none; pass --reference DIR",
    }


def test_generators_and_options_need_a_reference(folders: tuple[Path, Path]) -> None:
    with pytest.raises(GeneratorError, match="still-mouth: a generator needs faces and sounds; pass --reference DIR"):
        lsbench.score("still-mouth", metrics=[Loudness])
    with pytest.raises(ProtocolError, match="--fit resize: there are no reference clips"):
        lsbench.score(folders[0], metrics=[Loudness], fit="resize")


def test_the_command_takes_videos_alone_and_measures_no_anchors(folders: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = ["score", str(folders[0]), "--out", str(tmp_path), "--metric", "psnr", "--offline", "-q"]
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 1
    assert "nothing to measure: there are no reference clips to compare with" in outcome.output
    for wrong in ([str(folders[0]), "--data", "x"], ["still-mouth"], [str(tmp_path / "none")]):
        assert CliRunner().invoke(main, ["score", *wrong]).exit_code == 2


class ExactFaces:
    """Stands in for the tracker: the toy clips' own landmarks."""

    signature = "exact.1"
    face = "largest"

    def measure_cached(self, video: object, content_sha256: str) -> FaceTrack:
        return render(1, 0, frames=10, size=64)[1]


def test_silent_references_are_said_to_be_silent(tmp_path: Path) -> None:
    for number in range(2):
        clip = render(1, number, frames=10, size=64)[0]
        write(tmp_path / f"s{number}/a.mkv", replace(clip, speech=np.empty(0, np.float32)))
    bench = replace(protocol.from_folder(tmp_path), task="dubbing")
    context = Context(bench, ExactFaces())  # type: ignore[arg-type]
    refused: list[object] = []
    models = learn.fit([SyncRidge()], bench, context, 1, refused.append)
    assert not refused
    clip, track = render(1, 0, frames=20, size=64)
    stats = measure_sync(track.landmarks, clip.speech, models["s0/a"][SyncRidge().signature], clip.fps, 16000)
    assert np.isfinite(stats["correlation"]).all() and stats["learned_from"].tolist() == [43]
    assert lsbench.metric("sync_corr").note(stats) == (
        "by the model that comes with lsbench, fitted on GRID, in 1 of 1 clips: the reference clips are silent, so "
        "there is no speech to learn from"
    )


def test_one_reference_with_sound_is_no_silent_one(tmp_path: Path) -> None:
    clip, track = render(1, 0, frames=20, size=64)
    write(tmp_path / "a.mkv", clip)
    bench = replace(protocol.from_folder(tmp_path), task="dubbing")
    models = learn.fit([SyncRidge()], bench, Context(bench, ExactFaces()), 1, print)  # type: ignore[arg-type]
    stats = measure_sync(track.landmarks, clip.speech, models["a"].get(SyncRidge().signature), clip.fps, 16000)
    assert "no clip of others to learn from" in (lsbench.metric("sync_corr").note(stats) or "")


def test_dubbing_takes_a_silent_reference_of_any_size_rate_and_length(tmp_path: Path) -> None:
    clip = render(1, 0, frames=20, size=64)[0]
    write(tmp_path / "real.mkv", replace(clip, speech=np.empty(0, np.float32)))
    write(tmp_path / "made.mkv", replace(render(1, 1, frames=30, size=96)[0], fps=30.0))
    result = lsbench.score(
        tmp_path / "made.mkv",
        reference=tmp_path / "real.mkv",
        task="dubbing",
        metrics=[Loudness],
        out=tmp_path / "runs",
    )
    assert result.complete and result["loudness" if "loudness" in result else next(iter(result))] > 0
    assert (result.compared_frames, result.reference_frames) == (30, 30)


def test_videos_alone_are_measured_by_what_needs_nothing_else_and_ranked_by_sync_peak() -> None:
    metrics = [lsbench.metric(name) for name in protocol.ALONE_METRICS]
    assert protocol.ALONE_RANK in protocol.ALONE_METRICS
    assert not [metric.name for metric in metrics if metric.paired and metric.without_truth().paired]
