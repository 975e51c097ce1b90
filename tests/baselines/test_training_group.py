"""Training in several processes: the same numbers as in one, and a lost process leaves a checkpoint to go on from."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from baselines.training import checkpoint, log
from baselines.training.config import Config
from baselines.training.loop import train
from baselines.training.recipes import RECIPES

TINY = (
    "variant=basic",
    "size=24",
    "width=0.03",
    "batch=4",
    "validation_share=0.2",
    "validation_samples=6",
    "sheet_every=0",
    "critic_steps=2",
    "log_every=1",
    "checkpoint_every=1",
    "freeze_batch_norm=true",
)

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.ranks]


def start(rank: int, size: int, port: int, code: str) -> subprocess.Popen[str]:
    """A process of a job, as torchrun would start it."""
    job = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **{name: str(value) for name, value in job.items()}}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=pipe, stderr=pipe, text=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def outputs(out: Path) -> dict[str, torch.Tensor]:
    """What the trained networks make of fixed noise, batch norms as trained; and the generator's weights.

    Not the critic's: a bias in front of an instance norm has no effect, and no gradient but rounding, of which Adam
    makes whole steps.
    """
    saved = checkpoint.read(out / checkpoint.FILE)
    generator, critic = RECIPES[saved["model"]].networks(Config.from_dict(saved["config"]))
    generator.load_state_dict(saved["generator"])
    critic.load_state_dict(saved["critic"])
    noise = torch.Generator().manual_seed(0)
    face, mel = torch.rand(2, 6, 24, 24, generator=noise), torch.randn(2, 1, 80, 27, generator=noise)
    with torch.no_grad():
        judged = critic.eval()(face[:, :3], mel)
        return {"generated": generator.eval()(face, mel), "judged": judged, **saved["generator"]}


@pytest.mark.slow
def test_two_processes_train_as_one(shards: Path, tmp_path: Path) -> None:
    models = ("lipgan", "l1wgangp")
    settings = [*TINY, "steps=4"]
    code = (
        "import torch; torch.set_num_threads(1)\n"
        "from pathlib import Path\n"
        "from baselines.training import log\n"
        "from baselines.training.loop import train\n"
        "log.has_tensorboard = lambda: False\n"
        f"for model in {models}:\n"
        f"    train(model, Path({str(shards)!r}), Path({str(tmp_path)!r}) / f'two-{{model}}', settings={settings})\n"
    )
    port = free_port()
    jobs = [start(rank, 2, port, code) for rank in range(2)]
    for model in models:
        train(model, shards, tmp_path / model, settings=settings, device="cpu")
    for job in jobs:
        assert job.wait(timeout=300) == 0, job.communicate()
    for model in models:
        one, two = (log.read(tmp_path / name)[1:] for name in (model, f"two-{model}"))
        for mine, theirs in zip(one, two, strict=True):
            for name, term in mine["losses"].items():
                assert theirs["losses"][name]["mean"] == pytest.approx(term["mean"], rel=1e-5, abs=1e-5), (model, name)
        mine, theirs = outputs(tmp_path / model), outputs(tmp_path / f"two-{model}")
        for name, value in mine.items():
            assert (value.double() - theirs[name].double()).abs().max() < 1e-5, (model, name)


@pytest.mark.slow
def test_a_lost_process_ends_the_job_and_leaves_a_checkpoint(shards: Path, tmp_path: Path) -> None:
    arguments = [
        "train",
        "lipgan",
        "--data",
        str(shards),
        "--out",
        str(tmp_path),
        "--steps",
        "100000",
        "--device",
        "cpu",
    ]
    arguments += [part for setting in TINY for part in ("--set", setting)]
    code = (  # taking down a group that lost a member may abort the process, and here it always does
        "import os\n"
        "from torch import distributed\n"
        "from lsbench.cli.main import main\n"
        "distributed.destroy_process_group = os.abort\n"
        f"main({arguments!r})\n"
    )
    port = free_port()
    survivor, victim = (start(rank, 2, port, code) for rank in range(2))
    try:
        until = time.monotonic() + 240
        while not (tmp_path / log.FILE).is_file() or len((tmp_path / log.FILE).read_text().splitlines()) < 3:
            assert survivor.poll() is None and time.monotonic() < until, survivor.communicate()
            time.sleep(0.05)
        victim.send_signal(signal.SIGKILL)
        _, said = survivor.communicate(timeout=120)
    finally:
        for job in (survivor, victim):
            job.kill()
            job.communicate()
    assert survivor.returncode == 1
    message = said.splitlines()[-1]
    assert message.startswith("lsbench: step ") and "another of the 2 processes ended" in message
    assert "checkpoint.pt is whole and holds step" in message and "--resume automatic" in message
    step = checkpoint.read(tmp_path / checkpoint.FILE)["step"]
    assert f"holds step {step}." in message
    assert train("lipgan", shards, tmp_path, settings=[f"steps={step + 1}"], resume=True).step == step + 1
