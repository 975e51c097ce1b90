"""`lsbench train` and `lsbench plot`."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from baselines.training import checkpoint, log, loop, toy
from baselines.training.shards import open_shards
from lsbench.cli.main import main

TINY = (
    "variant=basic",
    "size=24",
    "width=0.03",
    "batch=4",
    "validation_samples=4",
    "log_every=1",
    "checkpoint_every=1",
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "has_tensorboard", lambda: False)


def lsbench(*arguments: object, settings: tuple[str, ...] = TINY) -> Result:
    options = [part for setting in settings for part in ("--set", setting)] if arguments[0] == "train" else []
    return CliRunner().invoke(main, [*map(str, arguments), *options])


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = lsbench("train", "lipgan", "--data", shards, "--out", out, "--dry-run", settings=("validation_share=0.2",))
    assert done.exit_code == 0, done.output
    assert "generator 49,543,123" in done.stdout
    assert "80 frames, 5 clips, of 3 speakers (t1, t2, t3)" in done.stdout
    assert "face (96, 6, 96, 96) 0.00 to 1.00" in done.stdout
    assert "learning_rate" in done.stdout and "0.0001" in done.stdout
    assert not out.exists()


@pytest.mark.slow
def test_training_plotting_and_going_on(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = lsbench("train", "l1wgangp", "--data", shards, "--out", out, "--steps", 1)
    assert done.exit_code == 0 and f"l1wgangp: step 1 of 1, done; kept in {out}" in done.output
    again = lsbench("train", "l1wgangp", "--data", shards, "--out", out, "--steps", 2)
    assert again.exit_code == 1 and "Pass --resume automatic" in again.stderr and again.stderr.count("\n") == 1
    on = lsbench("train", "l1wgangp", "--data", shards, "--out", out, "--steps", 2, "--resume", "automatic")
    assert on.exit_code == 0 and "step 2 of 2" in on.output
    plan = lsbench("train", "l1wgangp", "--data", shards, "--out", out, "--resume", "automatic", "--dry-run")
    assert f"at step 2 of {out}" in plan.stdout
    drawn = lsbench("plot", out)
    assert drawn.exit_code == 0
    assert [Path(line).name for line in drawn.output.split()] == ["losses.png", "quality.png", "boxes.png"]


def test_a_stopped_run_says_so_and_exits_with_3(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = loop.train

    def stopped(*arguments: Any, report: Any, **options: Any) -> Any:
        return train(*arguments, report=lambda *_: os.kill(os.getpid(), signal.SIGTERM), **options)

    monkeypatch.setattr(loop, "train", stopped)
    done = lsbench("train", "lipgan", "--data", shards, "--out", tmp_path, "--steps", 9)
    assert done.exit_code == 3 and "stopped; the same command with --resume automatic goes on" in done.output
    assert (tmp_path / checkpoint.FILE).is_file()


def test_the_toy_corpus_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(toy, "CLIPS", 1)
    monkeypatch.setattr(toy, "FRAMES", 8)
    done = lsbench("train", "lipgan", "--data", "toy", "--out", tmp_path / "run", "--steps", 1)
    assert done.exit_code == 0, done.output
    assert [shard.speaker for shard in open_shards(toy.toy_data())] == ["t5", "t6", "t7", "t8"]
    monkeypatch.setattr(toy, "render", None)
    toy.toy_data()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lipgam", "--data", "{data}"), "did you mean lipgan"),
        (("lipgan", "--data", "{nothing}"), "First: lsbench prepare grid"),
        (("lipgan", "--data", "{data}", "--set", "widht=1"), "did you mean width"),
        (("lipgan", "--data", "{data}", "--device", "gpu"), "device gpu"),
    ],
)
def test_wrong_input_is_one_line(arguments: tuple[str, ...], message: str, shards: Path, tmp_path: Path) -> None:
    given = [part.format(data=shards, nothing=tmp_path / "nothing") for part in arguments]
    done = lsbench("train", *given, "--out", tmp_path / "run")
    assert done.exit_code == 1 and message in done.stderr and done.stderr.count("\n") == 1
    plot = lsbench("plot", tmp_path)
    assert plot.exit_code == 1 and "expected the --out folder of lsbench train" in plot.stderr
