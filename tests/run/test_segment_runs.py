"""Few long clips: their segments are drawn, values stay, and old tables and many clips are as they were."""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import lsbench
from lsbench.board.compare import compare
from lsbench.board.rank import leaderboard
from lsbench.cli.main import main
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import BundleError, ProtocolError, RunError
from lsbench.generation.render import generate
from lsbench.media.files import find_clips, read_clip, write_clip
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.protocol import protocol
from lsbench.report.text.remarks import remarks
from lsbench.run.bundle import pack
from lsbench.run.folder import Run
from lsbench.run.segments import Segments
from lsbench.run.verify import verify


@dataclass(frozen=True, kw_only=True)
class Loudness(Metric):
    """How loud a clip is: one row a clip, and a segment is a clip of its own."""

    name, better, source = "loudness", "higher", "own definition"
    asks = "How loud is it?"
    regions = ()
    needs_pictures = False
    by_segment = True
    paired = False

    def measure(self, pair: ClipPair) -> Stats:
        return Stats(power=np.array([np.mean(np.square(pair.generated.speech, dtype=np.float64))]))

    def compute(self, stats: Stats) -> float:
        return float(stats["power"].mean())


@dataclass(frozen=True, kw_only=True)
class Length(Loudness):
    """One row a clip, and nothing of its segments."""

    name = "length"
    by_segment = False


FRAMES, SEGMENT_S = 24, 0.12  # segments of 3 frames
METRICS = ["psnr", "ssim", "flicker"]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("segments") / "reference"
    write_corpus(folder, speakers=1, clips=2, frames=FRAMES, size=96)
    return folder


@pytest.fixture(scope="module")
def videos(reference: Path) -> dict[str, Path]:
    folders = {}
    for name in ("noisy-frame", "blurred-mouth"):
        folders[name] = reference.parent / name
        generate(name, protocol.from_folder(reference), folders[name], lossless=True)
    return folders


@pytest.fixture(scope="module")
def runs(reference: Path, videos: dict[str, Path]) -> Path:
    """Both generators scored by segments, and one of them without."""
    out = reference.parent / "runs"
    for folder in videos.values():
        lsbench.score(folder, reference=reference, metrics=METRICS, out=out, segment=SEGMENT_S)
    lsbench.score(videos["noisy-frame"], reference=reference, metrics=METRICS, out=out, name="whole")
    return out


def test_values_do_not_depend_on_segments_and_two_clips_have_error_bars(runs: Path) -> None:
    cut, whole = Run(runs / "noisy-frame").result(), Run(runs / "whole").result()
    assert dict(cut) == dict(whole)
    board = leaderboard([runs / "noisy-frame", runs / "blurred-mouth"])
    assert board.significance.units.by == "segment"
    assert board.significance.units.count == 2 * FRAMES // 3
    for key in board.keys:
        for row in board.rows:
            low, high = board.column(key).interval(row.generator)
            assert low < row.result[key] < high
    assert board.column("psnr/mouth").letters == {"blurred-mouth": "b", "noisy-frame": "a"}
    said = "\n".join(remarks(board))
    assert "draw the 16 segments of 2 clips: they hold for other moments of these recordings" in said
    assert "16 segments tell" in said
    assert np.isnan(leaderboard([runs / "whole"]).column("psnr/mouth").interval("whole")).all()


def test_the_influence_of_segments_is_that_of_their_frames(runs: Path) -> None:
    run = Run(runs / "noisy-frame")
    table = run.table()
    assert list(table.columns) == [*Run(runs / "whole").table().columns, "segments"]
    rows = table[(table["metric"] == "psnr") & (table["region"] == "mouth")]
    frames = run.result().frames("psnr/mouth")
    by_segment = frames["value"].to_numpy().reshape(-1, 3).mean(axis=1)
    moved = np.concatenate(list(rows["segments"]))
    np.testing.assert_allclose(moved, by_segment - by_segment.mean(), atol=1e-9)
    of_clips = moved.reshape(2, -1).mean(axis=1)
    np.testing.assert_allclose(rows["influence"], of_clips, atol=1e-9)


def test_a_protocol_without_segments_has_the_digest_that_it_had(reference: Path) -> None:
    rules = protocol.from_folder(reference)
    assert "segment_s" not in protocol.describe(rules)
    cut = replace(rules, segment_s=5.0)
    assert protocol.describe(cut)["segment_s"] == 5
    assert cut.digest != rules.digest
    assert protocol.recall(protocol.describe(cut), rules.clips).segment_s == 5


@pytest.mark.parametrize("segment", [0, -1, math.nan, math.inf])
def test_segments_are_longer_than_nothing(reference: Path, videos: dict[str, Path], segment: float) -> None:
    with pytest.raises(ProtocolError, match="segment .*expected more than 0 seconds"):
        lsbench.score(videos["noisy-frame"], reference=reference, metrics=["psnr"], segment=segment)


@pytest.mark.parametrize(
    ("segment", "note"),
    [(0.48, None), (0.5, "longer than half of its 1.0 s: it is cut into 2"), (30, "1.0 s: it is one segment")],
)
def test_segments_longer_than_half_a_clip_are_noted(
    reference: Path, videos: dict[str, Path], segment: float, note: str | None
) -> None:
    result = lsbench.score(videos["noisy-frame"], reference=reference, metrics=["psnr"], segment=segment)
    lines = {clip: " ".join(said) for clip, said in result.notes.items()}
    assert set(lines) == ({"t1/a0", "t1/a1"} if note else set())
    assert all(f"segments of {segment:g} s are longer" in line and (note or "") in line for line in lines.values())


def test_runs_with_and_without_segments_compare_clip_by_clip(runs: Path) -> None:
    comparison = compare(runs / "noisy-frame", runs / "whole")
    assert any(field.field == "protocol segment_s" for field in comparison.fields)
    assert all(clip.difference == 0 for score in comparison.scores for clip in score.clips)


def test_clips_that_are_many_or_short_stay_whole(reference: Path, videos: dict[str, Path], tmp_path: Path) -> None:
    video = videos["noisy-frame"]
    lsbench.score(video, reference=reference, metrics=["psnr"], out=tmp_path, segment=5.0)
    assert "segments" not in Run(tmp_path / "noisy-frame").table().columns
    rules = replace(protocol.from_folder(reference), segment_s=SEGMENT_S)
    heads = [Run(tmp_path / "noisy-frame").read_partial(clip.id) for clip in rules.clips]
    head = next(head for head in heads if head is not None)
    many = [replace(rules.clips[0], id=f"s1/{number}") for number in range(10)]
    assert Segments.of(replace(rules, clips=tuple(many)), [replace(head, clip_id=clip.id) for clip in many]) is None
    few = many[:9]
    cut = Segments.of(replace(rules, clips=tuple(few)), [replace(head, clip_id=clip.id) for clip in few])
    assert cut is not None
    assert [len(edges) - 1 for edges in cut.edges] == [8] * 9


def test_what_one_run_did_not_compare_moves_no_segment_of_another(
    reference: Path, videos: dict[str, Path], tmp_path: Path
) -> None:
    """Segments are those of the reference: a video that ends early lacks the last ones, the others keep their place."""
    short = tmp_path / "videos/short"
    for clip_id, source in find_clips(videos["blurred-mouth"]).items():
        clip = read_clip(source, clip_id).cut(0, FRAMES - 7)
        (short / clip_id).parent.mkdir(parents=True, exist_ok=True)
        write_clip(short / f"{clip_id}.mkv", clip.frames, clip.speech, clip.fps, crf=0, chroma="444")
    for folder in (short, videos["noisy-frame"]):
        lsbench.score(folder, reference=reference, metrics=["psnr"], out=tmp_path, align="trim", segment=SEGMENT_S)
    cells = Run(tmp_path / "short").table()["segments"]
    assert [np.isnan(cell).tolist() for cell in cells] == [[False] * 6 + [True] * 2] * len(cells)
    board = leaderboard([tmp_path / "short", tmp_path / "noisy-frame"])
    assert board.significance.units.count == 16
    alone = leaderboard([tmp_path / "short"])
    assert alone.significance.units.count == 12
    for each in (board, alone):
        assert np.isfinite(each.column("psnr/mouth").interval("short")).all()


def test_rows_that_are_no_frames_are_not_cut() -> None:
    edges, seen = np.array([0, 4, 8]), np.ones(8, bool)
    row = Stats(correlation=np.zeros(1))
    assert catalogue.metric("sync_corr").segments(row, edges, seen) is None
    features = Stats(reference=np.arange(3.0)[:, None], generated=np.zeros((3, 1)))
    every_third = catalogue.metric("fd_efficientnet_lite0:every=3/whole")
    parts = every_third.segments(features, edges, seen)
    assert parts is not None
    assert [part["reference"].ravel().tolist() for part in parts] == [[0, 1], [2]]  # frames 0 and 3, then 6


@pytest.mark.parametrize("align", ["strict", "trim"])
def test_segments_are_measured_as_clips_where_a_metric_has_one_value_a_clip(
    reference: Path, videos: dict[str, Path], tmp_path: Path, align: Any
) -> None:
    options: dict[str, Any] = {"reference": reference, "metrics": [Loudness, Length], "align": align}
    result = lsbench.score(videos["noisy-frame"], segment=SEGMENT_S, out=tmp_path, **options)
    assert dict(result) == dict(lsbench.score(videos["noisy-frame"], **options))
    expected = []
    for clip_id, source in find_clips(videos["noisy-frame"]).items():
        clip = read_clip(source, clip_id)
        parts = [clip.cut(start, start + 3).speech for start in range(0, FRAMES, 3)]
        expected += [np.mean(np.square(part, dtype=np.float64)) for part in parts]
    table = Run(tmp_path / "noisy-frame").table()
    loud, uncut = (np.concatenate(list(rows["segments"])) for _, rows in table.groupby("metric", sort=False))
    np.testing.assert_allclose(loud, np.array(expected) - np.mean(expected), atol=1e-12)
    assert np.isnan(uncut).all()
    notes = [score.note or "" for score in result.scores.values()]
    assert ["no interval" in note for note in notes] == [False, True]
    board = leaderboard([tmp_path / "noisy-frame"])
    assert np.isfinite(board.column(next(iter(result))).interval("noisy-frame")).all()


def test_segments_of_a_dubbed_video_are_those_of_its_sound(
    reference: Path, videos: dict[str, Path], tmp_path: Path
) -> None:
    """There is no truth: the reference lends a face, and may be shorter than the video."""
    short = tmp_path / "reference"
    for clip_id, source in find_clips(reference).items():
        clip = read_clip(source, clip_id).cut(0, 7)
        (short / clip_id).parent.mkdir(parents=True, exist_ok=True)
        write_clip(short / f"{clip_id}.mkv", clip.frames, clip.speech, clip.fps)
    lsbench.score(
        videos["noisy-frame"], reference=short, metrics=[Loudness], task="dubbing", segment=SEGMENT_S, out=tmp_path
    )
    cells = Run(tmp_path / "noisy-frame").table()["segments"]
    assert [len(cell) for cell in cells] == [FRAMES // 3] * 2
    assert np.isfinite(np.concatenate(list(cells))).all()


def test_frames_that_are_left_out_have_no_rows() -> None:
    edges, seen = np.array([0, 4, 8]), np.arange(8) != 3
    parts = catalogue.metric("psnr/mouth").segments(Stats(value=np.arange(7)), edges, seen)
    assert parts is not None
    assert [part["value"].tolist() for part in parts] == [[0, 1, 2], [3, 4, 5, 6]]
    features = Stats(reference=np.arange(2.0)[:, None], generated=np.zeros((2, 1)))
    parts = catalogue.metric("fd_efficientnet_lite0:every=3/mouth").segments(features, edges, seen)
    assert parts is not None
    assert [part.rows for part in parts] == [1, 1]  # frame 0, then 6; 3 is left out


def test_a_bundle_holds_segments_and_is_refused_where_they_do_not_follow(runs: Path, tmp_path: Path) -> None:
    packed = pack(runs / "noisy-frame", tmp_path / "run.zip")
    assert verify(packed).scores == len(Run(runs / "noisy-frame").result())
    table = Run(runs / "noisy-frame").table()
    moved = table.assign(segments=[cell + (0.01 if row == 3 else 0) for row, cell in enumerate(table["segments"])])
    other = Path(tmp_path / "run")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(other)
    for changed, said in ((moved, "segments of .* its clips say"), (table.drop(columns="segments"), "segments of")):
        buffer = io.BytesIO()
        changed.to_parquet(buffer, index=False)
        (other / "clips.parquet").write_bytes(buffer.getvalue())
        with pytest.raises(BundleError, match=said):
            verify(pack(other, tmp_path / "changed.zip"))


def test_segments_that_are_no_numbers_are_named(runs: Path, tmp_path: Path) -> None:
    run = Run(runs / "noisy-frame")
    strange = tmp_path / "run"
    strange.mkdir()
    for name in ("run.json", "result.json"):
        (strange / name).write_bytes((run.path / name).read_bytes())
    pd.DataFrame(run.table().assign(segments="x")).to_parquet(strange / "clips.parquet")
    with pytest.raises(RunError, match="column segments is not one of lists of numbers"):
        leaderboard([strange])


def test_the_command_line_takes_seconds(reference: Path, videos: dict[str, Path], tmp_path: Path) -> None:
    command = ["score", str(videos["noisy-frame"]), "--reference", str(reference), "--out", str(tmp_path), "--quiet"]
    command += ["--metric", "psnr", "--region", "whole", "--no-anchors", "--workers", "1", "--segment", str(SEGMENT_S)]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert Run(tmp_path / "noisy-frame").request()["protocol"]["segment_s"] == SEGMENT_S
    assert CliRunner().invoke(main, [*command[:-1], "0"]).exit_code == 2
