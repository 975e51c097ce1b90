"""Anchor rows: measured once beside the runs that they explain, under the same conditions, and shown unranked."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import lsbench
from lsbench.cli.main import main
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import LsbenchError
from lsbench.generation.render import generate
from lsbench.media.files import find_clips, read_clip
from lsbench.protocol import protocol
from lsbench.run import anchors


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anchors")
    write_corpus(folder / "reference", speakers=2, clips=2, frames=8, size=96)
    generate("noisy-frame", protocol.from_folder(folder / "reference"), folder / "mine")
    return folder


def score(corpus: Path, out: Path, *arguments: str) -> Any:
    command = ["score", str(corpus / "mine"), "--reference", str(corpus / "reference"), "--out", str(out), "--quiet"]
    return CliRunner().invoke(
        main, [*command, "--metric", "ssim", "--workers", "1", *arguments], catch_exceptions=False
    )


@pytest.mark.slow
def test_a_score_brings_its_anchors_and_the_board_shows_them(corpus: Path, tmp_path: Path) -> None:
    done = score(corpus, tmp_path / "runs")
    assert done.exit_code == 0, done.output
    where = anchors.folder(tmp_path / "runs" / "mine")
    assert {path.name for path in where.iterdir() if not path.name.startswith(".")} == set(anchors.ANCHORS)
    assert not list(where.rglob("*.mkv"))
    before = {path: path.stat().st_mtime_ns for path in where.rglob("result.json")}
    shutil.copytree(tmp_path / "runs" / "mine", tmp_path / "runs" / "second")
    assert score(corpus, tmp_path / "runs", "--name", "third").exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in where.rglob("result.json")} == before  # measured once
    command = ["leaderboard", str(tmp_path / "runs" / "mine"), str(tmp_path / "runs" / "third"), "--format", "json"]
    board = json.loads(CliRunner().invoke(main, command, catch_exceptions=False).stdout)
    assert [row["generator"] for row in board["rows"]] == ["mine", "third"]
    found = {row["generator"]: row for row in board["anchors"]}
    assert set(found) == set(anchors.ANCHORS) and all(row["rank"] is None for row in found.values())
    values = {name: row["scores"]["ssim/mouth"]["value"] for name, row in found.items()}
    assert values["still-mouth"] < values["compressed"] < values["swapped-audio"] == 1


def test_other_conditions_have_other_anchors(corpus: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"reference": corpus / "reference", "out": tmp_path}
    lsbench.score(corpus / "mine", metrics=["psnr"], name="one", **options)
    lsbench.score(corpus / "mine", metrics=["psnr", "ssim"], name="two", **options)
    assert anchors.folder(tmp_path / "one") != anchors.folder(tmp_path / "two")
    assert anchors.beside([tmp_path / "one", tmp_path / "two"]) == []
    failed = anchors.measure(tmp_path / "one", reference=corpus / "reference", metrics=["psnr"])
    assert failed == {}
    assert {path.name for path in anchors.beside([tmp_path / "one", tmp_path / "two"])} == set(anchors.ANCHORS)


def test_a_stand_in_on_the_board_is_no_anchor_beside_it(corpus: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"reference": corpus / "reference", "metrics": ["psnr"]}
    lsbench.score("still-mouth", out=tmp_path, **options)
    anchors.measure(tmp_path / "still-mouth", **options)
    assert {path.name for path in anchors.beside([tmp_path / "still-mouth"])} == {"compressed", "swapped-audio"}


def test_what_fails_is_said_and_the_run_stands(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    for path in list((corpus / "reference").rglob("a0.*"))[:2]:
        shutil.copy(path, tmp_path / "real" / path.name)
    generate("noisy-frame", protocol.from_folder(tmp_path / "real"), tmp_path / "mine")
    command = ["score", str(tmp_path / "mine"), "--reference", str(tmp_path / "real"), "--out", str(tmp_path / "runs")]
    done = CliRunner().invoke(main, [*command, "--metric", "psnr", "--workers", "1"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "anchor swapped-audio not measured: protocol folder: swapping sounds takes 2 clips" in done.stderr
    assert score(corpus, tmp_path / "bare", "--no-anchors").exit_code == 0
    assert not (tmp_path / "bare" / ".anchors").exists()


def test_swapped_audio_is_the_next_clip_of_the_speaker(corpus: Path, tmp_path: Path) -> None:
    bench = protocol.from_folder(corpus / "reference")
    generate("swapped-audio", bench, tmp_path, lossless=True)
    for clip in bench.clips:
        real = read_clip(clip.file, clip.id)
        made = read_clip(find_clips(tmp_path)[clip.id], clip.id)
        other = bench.another(clip)
        assert other.speaker == clip.speaker and other.id != clip.id
        assert np.array_equal(made.frames, real.frames)
        assert np.abs(made.speech - read_clip(other.file, other.id).speech).max() < 1e-4
    with pytest.raises(LsbenchError, match="2 clips or more"):
        alone = protocol.from_folder(next(path for path in (corpus / "reference").iterdir()))
        replace(alone, clips=alone.clips[:1]).another(alone.clips[0])
