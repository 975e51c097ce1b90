"""The training loop: resumed bit for bit, stopped in order, checkpoints whole, and a log that tells all of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from baselines.training import checkpoint, log, plot
from baselines.training.config import Config
from baselines.training.loop import Outcome, train
from baselines.training.plot import QUALITY, draw
from baselines.training.state import State
from baselines.training.termination import termination
from lsbench.errors import OutputError, TrainingError

TINY = (
    "variant=basic",
    "size=24",
    "width=0.03",
    "floor=4",
    "batch=4",
    "validation_share=0.2",
    "validation_samples=6",
    "log_every=2",
    "checkpoint_every=2",
    "sheet_every=0",
    "critic_steps=2",
    "learning_rate=0.001",
)
MODELS = ("lipgan", "l1wgangp")

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorBoard is imported, slowly, only where it is tested."""
    monkeypatch.setattr(log, "has_tensorboard", lambda: False)


def run(shards: Path, out: Path, *settings: str, model: str = "lipgan", **options: Any) -> Outcome:
    return train(model, shards, out, settings=[*TINY, *settings], device="cpu", **options)


def tensors(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a checkpoint with its path."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from tensors(each, f"{path}/{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from tensors(each, f"{path}/{index}")
    else:
        yield path, value


def assert_same(one: Path, other: Path) -> None:
    """Every number of two runs' checkpoints is the same, bit for bit."""
    first, second = (dict(tensors(checkpoint.read(out / checkpoint.FILE))) for out in (one, other))
    assert first.keys() == second.keys()
    for path, value in first.items():
        if path.startswith("/config"):
            continue
        same = torch.equal(value, second[path]) if isinstance(value, torch.Tensor) else value == second[path]
        assert same, path


def at(step: int, act: Callable[[], object]) -> Callable[[int, int, str], None]:
    """A report function that does something when a step is done."""

    def report(done: int, _steps: int, _text: str) -> None:
        if done == step:
            act()

    return report


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_six_steps_are_three_and_three(model: str, shards: Path, tmp_path: Path) -> None:
    run(shards, tmp_path / "straight", "steps=6", model=model)
    run(shards, tmp_path / "resumed", "steps=3", model=model)
    torch.rand(7)  # another process has drawn other numbers
    outcome = run(shards, tmp_path / "resumed", "steps=6", model=model, resume=True)
    assert outcome == Outcome(tmp_path / "resumed", 6, 6)
    assert_same(tmp_path / "straight", tmp_path / "resumed")
    ours, theirs = (log.read(tmp_path / name)[-1] for name in ("straight", "resumed"))
    assert ours["validation"] == theirs["validation"] and ours["frames"] == theirs["frames"]
    before = checkpoint.read(tmp_path / "straight" / checkpoint.FILE)
    start = State(Config.from_dict(before["config"]), torch.device("cpu")).networks["generator"].state_dict()
    assert not torch.equal(start["face.0.0.0.weight"], before["generator"]["face.0.0.0.weight"])


def test_a_new_process_with_the_same_seed_trains_the_same(shards: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        torch.rand(3)
        run(shards, tmp_path / name, "steps=3")
    assert_same(tmp_path / "one", tmp_path / "two")


@pytest.mark.slow
def test_sigterm_saves_and_the_same_command_goes_on(shards: Path, tmp_path: Path) -> None:
    kill = at(3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    outcome = run(shards, tmp_path / "stopped", "steps=6", "checkpoint_every=100", report=kill)
    assert outcome.step < outcome.steps
    assert checkpoint.read(tmp_path / "stopped" / checkpoint.FILE)["step"] == outcome.step
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert run(shards, tmp_path / "stopped", "steps=6", "checkpoint_every=100", resume=True).step == 6
    run(shards, tmp_path / "straight", "steps=6", "checkpoint_every=100")
    assert_same(tmp_path / "straight", tmp_path / "stopped")


def test_a_second_ctrl_c_interrupts() -> None:
    with termination() as asked:
        os.kill(os.getpid(), signal.SIGINT)
        assert asked.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow
def test_accumulated_parts_make_the_step_of_the_whole_batch(shards: Path, tmp_path: Path) -> None:
    for model in MODELS:
        for parts in (1, 2):
            settings = ("steps=2", f"accumulate={parts}", "freeze_batch_norm=true", "log_every=1")
            run(shards, tmp_path / f"{model}{parts}", *settings, model=model)
        whole, two = (log.read(tmp_path / f"{model}{parts}") for parts in (1, 2))
        for mine, other in zip(whole[1:], two[1:], strict=True):
            for name, term in mine["losses"].items():
                assert term["mean"] == pytest.approx(other["losses"][name]["mean"], rel=1e-5, abs=1e-6), name
    with pytest.raises(TrainingError, match="batch=4 cannot be cut into accumulate=3"):
        run(shards, tmp_path / "odd", "accumulate=3")


@pytest.mark.slow
def test_one_batch_is_learnt_by_heart(shards: Path, tmp_path: Path) -> None:
    settings = ("one_batch=true", "steps=80", "batch=2", "width=0.25", "learning_rate=0.01", "log_every=10")
    run(shards, tmp_path, *settings, "checkpoint_every=80", "ema_decay=0")
    errors = [record["losses"]["L1"]["mean"] for record in log.read(tmp_path)[1:]]
    assert errors[-1] < 0.3 * errors[0]


def test_averaged_weights_follow_the_generators(shards: Path, tmp_path: Path) -> None:
    run(shards, tmp_path / "averaged", "steps=4", "ema_decay=0.5")
    saved = checkpoint.read(tmp_path / "averaged" / checkpoint.FILE)
    name = "face.0.0.0.weight"
    start = State(Config.from_dict(saved["config"]), torch.device("cpu")).networks["generator"].state_dict()[name]
    way, mine = (saved[which][name] - start for which in ("generator", "ema"))
    assert 0.1 * way.abs().sum() < mine.abs().sum() < 0.95 * way.abs().sum()
    run(shards, tmp_path / "plain", "steps=2", "ema_decay=0")
    assert checkpoint.read(tmp_path / "plain" / checkpoint.FILE)["ema"] is None


@pytest.mark.slow
def test_the_learning_rate_cools(shards: Path, tmp_path: Path) -> None:
    """Constant for the first 6 of 10 steps, then evenly down; a run that is resumed is where it would have been."""
    state = State(Config.of("lipgan", [*TINY, "steps=10", "cooling=0.4", "learning_rate=0.8"]), torch.device("cpu"))
    rates = []
    for state.step in range(10):
        state.cool()
        assert all(len({group["lr"] for group in each.param_groups}) == 1 for each in state.optimisers.values())
        rates.append(state.optimisers["critic"].param_groups[0]["lr"])
    assert rates == pytest.approx([0.8] * 7 + [0.6, 0.4, 0.2])
    cooling = ("steps=6", "cooling=0.9", "checkpoint_every=100")
    run(shards, tmp_path / "straight", *cooling)
    run(shards, tmp_path / "stopped", *cooling, report=at(3, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    assert run(shards, tmp_path / "stopped", *cooling, resume=True).step == 6
    assert_same(tmp_path / "straight", tmp_path / "stopped")


def test_the_first_loss_that_is_not_finite_ends_the_run(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"step [0-9]: L_\w+ is (nan|inf).*checkpoint.pt is whole and holds step"):
        run(shards, tmp_path, "steps=9", "learning_rate=1e30")
    saved = checkpoint.read(tmp_path / checkpoint.FILE)
    assert saved["step"] < 9


def test_bfloat16_trains_and_keeps_the_penalty_in_float32(shards: Path, tmp_path: Path) -> None:
    for precision in ("float32", "bfloat16"):
        run(shards, tmp_path / precision, "steps=1", "log_every=1", f"precision={precision}", model="l1wgangp")
    exact, low = (log.read(tmp_path / name)[-1]["losses"] for name in ("float32", "bfloat16"))
    assert low["critic"]["mean"] != exact["critic"]["mean"]
    assert low["penalty"]["mean"] == pytest.approx(exact["penalty"]["mean"], rel=3e-2)  # its input is bfloat16's
    weights = checkpoint.read(tmp_path / "bfloat16" / checkpoint.FILE)["generator"]
    assert weights["face.0.0.0.weight"].dtype == torch.float32


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("lipgan", {"L_G", "L_D", "L_face", "L_audio", "L_real", "L1"}),
        ("l1wgangp", {"L_G", "L_D", "critic", "penalty", "L1"}),
        ("wgangp", {"L_G", "L_D", "critic", "penalty", "L1"}),
    ],
)
def test_the_log_names_the_papers_terms(model: str, names: set[str], shards: Path, tmp_path: Path) -> None:
    run(shards, tmp_path, "steps=12", "log_every=12", "sheet_every=12", "seed=3", model=model)
    start, end = log.read(tmp_path)
    assert set(start["trivial"]) == {"identity frame", "mean mouth"}
    assert names == set(end["losses"]) and end["step"] == 12
    assert all(term["low"] <= term["mean"] <= term["high"] for term in end["losses"].values())
    assert end["samples_per_second"] > 0 and end["peak_memory_gib"] > 0
    for name in ("ssim/whole", "psnr/whole", "psnr/mouth"):
        assert len(end["frames"][name]) == 6
        assert end["validation"][name] == pytest.approx(np.mean(end["frames"][name]), abs=1e-4)
    sheet = Image.open(tmp_path / "sheets" / "00000012.png")
    assert sheet.size == (4 * 96, 6 * 96 + 14)
    assert json.loads((tmp_path / "config.json").read_text())["model"] == model
    if model == "wgangp":
        terms = end["losses"]
        assert 10 * abs(terms["L_G"]["mean"]) < 24 * 24 * 3 * terms["L1"]["mean"]  # L1 is watched, not minimised


def test_tensorboard_has_every_term(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.undo()
    run(shards, tmp_path, "steps=2")
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    assert {"losses/L_G", "losses/L_D", "validation/psnr/mouth", "validation/ssim/whole", "samples_per_second"} <= tags
    (scalar,) = events.Scalars("losses/L_G")
    assert scalar.value == pytest.approx(log.read(tmp_path)[-1]["losses"]["L_G"]["mean"])


def test_a_resumed_log_drops_what_the_checkpoint_does_not_know(shards: Path, tmp_path: Path) -> None:
    run(shards, tmp_path, "steps=4", "log_every=1", "checkpoint_every=4")
    kept = shutil.copy(tmp_path / checkpoint.FILE, tmp_path / "kept.pt")
    run(shards, tmp_path, "steps=6", "log_every=1", resume=True)
    shutil.copy(kept, tmp_path / checkpoint.FILE)  # as if the run had been killed before it saved step 6
    with (tmp_path / log.FILE).open("a") as file:
        file.write('{"step": 7, "los')
    run(shards, tmp_path, "steps=5", "log_every=1", resume=True)
    assert [record["step"] for record in log.read(tmp_path)] == [0, 1, 2, 3, 4, 5]


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["gone", "empty", "of later steps only"])
def test_a_run_without_its_log_goes_on_and_says_so(lost: str, shards: Path, tmp_path: Path) -> None:
    """The numbers are those of a run that was never stopped; the new log begins at the step that was resumed."""
    settings = ("log_every=1", "checkpoint_every=100")
    run(shards, tmp_path / "straight", "steps=6", *settings)
    out = tmp_path / "resumed"
    run(shards, out, "steps=3", *settings)
    if lost == "gone":
        (out / log.FILE).unlink()
    else:
        (out / log.FILE).write_text("" if lost == "empty" else '{"step": 5, "losses": {}}\n{"step": 6, "los')
    run(shards, out, "steps=5", *settings, resume=True)
    start, *later = log.read(out)
    assert start["step"] == 3 and [record["step"] for record in later] == [4, 5]
    assert start["note"] == "resumed at step 3 without the log of the steps before"
    straight = log.read(tmp_path / "straight")
    assert start["trivial"] == straight[0]["trivial"] and start["validation"] == straight[3]["validation"]
    assert len(draw(out, tmp_path / "figures")) == 3
    run(shards, out, "steps=6", *settings, resume=True)  # the log is there again, and is kept
    assert [record["step"] for record in log.read(out)] == [3, 4, 5, 6]
    assert_same(tmp_path / "straight", out)


def test_tensorboard_goes_on_where_the_log_is_gone(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.undo()
    run(shards, tmp_path, "steps=2")
    (tmp_path / log.FILE).unlink()
    run(shards, tmp_path, "steps=4", resume=True)
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [scalar.step for scalar in events.Scalars("losses/L_G")] == [2, 4]


@pytest.mark.parametrize("damage", [b"\x00\xff\xfe\n", b'{"step": 7, "los\n', b"[3]\n", b"3\n", b'{"losses": {}}\n'])
def test_a_damaged_line_of_the_log_is_named_and_the_run_goes_on_without_it(
    damage: bytes, shards: Path, tmp_path: Path
) -> None:
    run(shards, tmp_path, "steps=2")
    path = tmp_path / log.FILE
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + damage + second)
    with pytest.raises(TrainingError, match="line 2 is no record.*Move the file away"):
        run(shards, tmp_path, "steps=4", resume=True)
    assert path.read_bytes() == first + damage + second
    path.write_bytes(first + second + damage)  # as a kill or a lost power leaves it
    assert [record["step"] for record in log.read(tmp_path)] == [0, 2]
    path.write_bytes(first + damage + second)
    path.rename(tmp_path / "away")
    assert run(shards, tmp_path, "steps=4", resume=True).step == 4


def test_a_log_whose_rewriting_is_killed_stays_whole(tmp_path: Path) -> None:
    """The system ends the process within a write, when the file has half its length."""
    records = [{"step": step, "losses": {"L1": {"mean": step / 7}}} for step in range(200)]
    text = "".join(json.dumps(record) + "\n" for record in records)
    path = tmp_path / log.FILE
    path.write_text(text)
    code = (
        "import resource, signal\n"
        "from pathlib import Path\n"
        "from baselines.training import log\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(text) // 2}, {len(text) // 2}))\n"
        f"log.Log(Path({str(tmp_path)!r}), 199)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGXFSZ
    assert path.read_text() == text


def test_a_checkpoint_of_another_run_is_refused(shards: Path, tmp_path: Path) -> None:
    run(shards, tmp_path, "steps=1")
    with pytest.raises(TrainingError, match="is there already. Pass --resume automatic"):
        run(shards, tmp_path, "steps=2")
    with pytest.raises(TrainingError, match="checkpoint of lipgan; asked for l1wgangp"):
        run(shards, tmp_path, "steps=2", model="l1wgangp", resume=True)
    with pytest.raises(TrainingError, match=r"checkpoint of width=0.03; asked for width=0.06"):
        run(shards, tmp_path, "width=0.06", resume=True)
    other = Path(shutil.copytree(shards, tmp_path / "data"))
    index = other / "shards" / "t2" / "clips.json"
    index.write_text(index.read_text().replace('"sha256": "', '"sha256": "0'))
    with pytest.raises(TrainingError, match="trained on other shards"):
        run(other, tmp_path, "steps=2", resume=True)


def test_a_file_that_is_no_checkpoint(shards: Path, tmp_path: Path) -> None:
    run(shards, tmp_path, "steps=1")
    path = tmp_path / checkpoint.FILE
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match="not a readable checkpoint"):
        run(shards, tmp_path, resume=True)
    torch.save({"format": 9, "model": "lipgan"}, path)
    with pytest.raises(TrainingError, match=f"format 9; this lsbench reads format {checkpoint.FORMAT}"):
        run(shards, tmp_path, resume=True)
    torch.save([1, 2], path)
    with pytest.raises(TrainingError, match="not a checkpoint of lsbench train"):
        run(shards, tmp_path, resume=True)
    path.write_bytes(whole)
    saved = torch.load(path, weights_only=True)
    torch.save({**saved, "generator": {}}, path)
    with pytest.raises(TrainingError, match="does not fit its own configuration"):
        run(shards, tmp_path, resume=True)


def test_a_full_disk_leaves_the_checkpoint_before(shards: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits of file sizes exist on Unix only")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    fill = at(3, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1])))
    try:
        with pytest.raises(
            TrainingError, match="step 4 cannot be written: File too large; the checkpoint before it is"
        ):
            run(shards, tmp_path, "steps=6", report=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert checkpoint.read(tmp_path / checkpoint.FILE)["step"] == 2
    assert not list(tmp_path.glob(".*"))
    assert run(shards, tmp_path, "steps=6", resume=True).step == 6


def test_a_folder_that_cannot_be_written_shows_before_step_0(shards: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file is a file, no folder"):
        run(shards, tmp_path / "file" / "run", "steps=1")


def test_a_device_that_is_not_there(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="device gpu"):
        train("lipgan", shards, tmp_path, settings=TINY, device="gpu")


def test_settings_are_typed_and_checked() -> None:
    config = Config.of("lipgan", ["width=0.5", "steps=7", "channels_last=false", "speakers=s3,s4", "batch=8"])
    assert (config.width, config.steps, config.channels_last, config.speakers) == (0.5, 7, False, ("s3", "s4"))
    assert Config.from_dict(json.loads(config.to_json())) == config
    assert Config.of("wgangp").l1_weight == 0 and Config.of("l1wgangp").beta1 == 0
    for setting, message in {
        "widht=1": "did you mean width",
        "width": "expected key=value",
        "width=wide": "expected a number",
        "width=nan": "expected float from 0.01 on",
        "steps=1.5": "expected a whole number",
        "steps=0": "expected int from 1 on",
        "channels_last=1": "expected true or false",
        "precision=half": "unknown choice 'half'",
        "ema_decay=1": "expected less than 1",
        "cooling=1": "expected less than 1",
        "start=copied": "did you mean copying",
        "start=copying": "lasts with freeze_batch_norm=true only",
        "model=wgangp": "unknown training setting 'model'",
    }.items():
        with pytest.raises(TrainingError, match=message):
            Config.of("lipgan", [setting])
    with pytest.raises(TrainingError, match="did you mean lipgan"):
        Config.of("lipgam")


@pytest.mark.parametrize("rise", [0.0, 0.01, 0.5])
def test_a_trivial_answer_far_away_does_not_flatten_the_curve(rise: float) -> None:
    """Near answers are within the axes, however flat the curve; every panel's legend has both with their scores."""
    levels = {name: (30.0, 30.8, 12.0) if name.startswith("psnr") else (0.9, 0.915, 0.2) for name in QUALITY}
    trivial = {
        "identity frame": {name: near for name, (_, near, _) in levels.items()},
        "mean mouth": {name: far for name, (_, _, far) in levels.items()},
    }
    records = [
        {
            "step": step,
            "validation": {name: level + step * rise * (level - far) / 10 for name, (level, _, far) in levels.items()},
        }
        for step in (0, 1)
    ]
    for axes in plot.quality_figure([{**records[0], "trivial": trivial}, records[1]]).axes:
        level, near, far = levels[axes.get_title()]
        low, high = axes.get_ylim()
        assert far < low < level <= records[1]["validation"][axes.get_title()] < high and low < near < high
        said = [text.get_text() for text in axes.get_legend().get_texts()]
        assert said == ["generated", f"identity frame {near:.4g}", f"mean mouth {far:.4g}"]


@pytest.mark.slow
def test_figures(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no log.jsonl in it"):
        draw(tmp_path, tmp_path / "figures")
    run(shards, tmp_path, "steps=4")
    paths = draw(tmp_path, tmp_path / "figures")
    assert [path.name for path in paths] == ["losses.png", "quality.png", "boxes.png"]
    for path in paths:
        picture = np.asarray(Image.open(path).convert("L"))
        assert picture.shape[1] == 1000 and picture.std() > 10
