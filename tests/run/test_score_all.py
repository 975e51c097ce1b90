"""Several generators in one call: the same bits as one by one, with what a reference takes done once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import lsbench
from lsbench.cli.main import main
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import AlignmentError, MediaError, RunError
from lsbench.generation.render import generate
from lsbench.media.files import read_clip, read_film, write_clip
from lsbench.metrics.sharpness import Sharpness
from lsbench.protocol import protocol
from lsbench.run import windows

METRICS = ["psnr", "ssim", "sharpness", "seam"]
NAMES = ["noisy-frame", "blurred-mouth"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """real/ with two clips of 8 frames, and the videos of two stand-ins."""
    folder = tmp_path_factory.mktemp("score-all")
    write_corpus(folder / "real", speakers=2, clips=1, frames=8, size=96)
    for name in NAMES:
        generate(name, protocol.from_folder(folder / "real"), folder / name)
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the reference clips that are opened."""
    ids: list[str] = []

    def counted(source: Path, clip_id: str, **options: Any) -> Any:
        ids.append(clip_id)
        return read_film(source, clip_id, **options)

    monkeypatch.setattr("lsbench.protocol.protocol.read_film", counted)
    return ids


def numbers(run: Path) -> tuple[str, str]:
    """What a run says, but for its name and folder; the table as text, in which NaN equals NaN."""
    content = json.loads((run / "result.json").read_text())
    del content["name"]
    return json.dumps(content), repr(pd.read_parquet(run / "clips.parquet").values.tolist())


def one_by_one(videos: list[Path], out: Path, **options: Any) -> list[tuple[str, str]]:
    for folder in videos:
        lsbench.score(folder, out=out, **options)
    return [numbers(out / folder.name) for folder in videos]


def test_the_same_bits_as_one_by_one_and_each_reference_is_opened_once(
    corpus: Path, tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = [corpus / name for name in NAMES]
    options: dict[str, Any] = {"reference": corpus / "real", "metrics": METRICS}
    expected = one_by_one(videos, tmp_path / "alone", **options)
    assert opened == ["t1/a0", "t2/a0"] * 2
    opened.clear()
    details: list[int] = []
    detail = Sharpness._detail

    def counted(metric: Sharpness, frame: np.ndarray) -> float:
        details.append(1)
        return detail(metric, frame)

    monkeypatch.setattr(Sharpness, "_detail", counted)
    results = lsbench.score_all(videos, out=tmp_path / "together", **options)
    assert opened == ["t1/a0", "t2/a0"]
    assert len(details) == 3 * (2 + 1) * 16  # of three regions: of two generators, and once of the reference
    assert [result.name for result in results] == NAMES
    assert [numbers(tmp_path / "together" / name) for name in NAMES] == expected
    assert results[0].pace is None and results[1].pace is not None and results[1].pace.frames == 32


def test_long_clips_and_other_lengths_share_no_wrong_work(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames that do not meet the same ones of the reference, and clips of several windows."""
    short = Path(shutil.copytree(corpus / "blurred-mouth", tmp_path / "short"))
    clip = read_clip(short / "t1/a0.mp4", "x")
    write_clip(short / "t1/a0.mp4", clip.frames[:6], clip.speech, 25, crf=0, chroma="444")
    videos = [corpus / "noisy-frame", short, corpus / "blurred-mouth"]
    options: dict[str, Any] = {"reference": corpus / "real", "metrics": METRICS, "align": "trim"}
    expected = one_by_one(videos, tmp_path / "alone", **options)
    lsbench.score_all(videos, out=tmp_path / "together", **options)
    assert [numbers(tmp_path / "together" / folder.name) for folder in videos] == expected
    monkeypatch.setattr(windows, "WINDOW_BYTES", 3 * 96 * 96 * 3)
    lsbench.score_all(videos, out=tmp_path / "windows", **options)
    assert [numbers(tmp_path / "windows" / folder.name) for folder in videos] == expected


def test_it_goes_on_where_it_was_and_generators_fail_by_themselves(
    corpus: Path, tmp_path: Path, opened: list[str]
) -> None:
    short = Path(shutil.copytree(corpus / "blurred-mouth", tmp_path / "short"))
    clip = read_clip(short / "t1/a0.mp4", "x")
    write_clip(short / "t1/a0.mp4", clip.frames[:6], clip.speech, 25)
    options: dict[str, Any] = {"reference": corpus / "real", "metrics": ["psnr"], "out": tmp_path / "runs"}
    with pytest.raises(AlignmentError, match="generated 6 frames"):
        lsbench.score_all([corpus / "noisy-frame", short], **options)
    good, bad = lsbench.score_all([corpus / "noisy-frame", short], on_error="skip", **options)
    assert good.complete and not bad.complete and list(bad.failed) == ["t1/a0"]
    opened.clear()
    (tmp_path / "runs/noisy-frame/clips/t2/a0.npz").unlink()
    again, _ = lsbench.score_all([corpus / "noisy-frame", short], on_error="skip", **options)
    assert set(opened) == {"t1/a0", "t2/a0"} and opened.count("t2/a0") == 1  # what failed is tried again
    assert again.scores == good.scores


def test_generators_that_are_made_and_finished_videos(corpus: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"reference": corpus / "real", "metrics": ["ssim"], "out": tmp_path}
    made, finished = lsbench.score_all(["late", corpus / "noisy-frame"], **options)
    assert made["ssim/whole"] == lsbench.score("late", name="again", **options)["ssim/whole"]
    assert finished.complete and (tmp_path / "late/videos/t1/a0.mkv").exists()


@pytest.mark.parametrize(
    ("videos", "error", "message"),
    [
        (lambda corpus: [corpus / NAMES[0], corpus / NAMES[0]], RunError, "2 generators would bear it"),
        (lambda corpus: [corpus / NAMES[0], corpus / "none"], MediaError, "no such file or folder"),
    ],
)
def test_what_cannot_be_scored_together_is_refused(
    corpus: Path, tmp_path: Path, videos: Callable[[Path], list[Path]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        lsbench.score_all(videos(corpus), reference=corpus / "real", metrics=["psnr"], out=tmp_path)
    assert not list(tmp_path.rglob("result.json"))


def test_the_command_takes_several(corpus: Path, tmp_path: Path) -> None:
    videos = [str(corpus / name) for name in NAMES]
    options = ["--reference", str(corpus / "real"), "--metric", "psnr", "--out", str(tmp_path), "--no-anchors"]
    options += ["--workers", "1"]
    done = CliRunner().invoke(main, ["score", *videos, *options])
    assert done.exit_code == 0, done.output
    assert all(f"{name}: 2 of 2 clips, complete" in done.output for name in NAMES)
    assert done.stderr.count("frames measured in") == 1
    named = CliRunner().invoke(main, ["score", *videos, "--name", "x", *options])
    assert named.exit_code == 2 and "--name is of one generator" in named.output
    assert CliRunner().invoke(main, ["score", *options]).exit_code == 2
