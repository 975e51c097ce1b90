"""Runs that are stopped, or lose a worker: real processes, two workers each."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cases_shadow import GOOD, SHADOWS

import lsbench
from lsbench.corpus.toy.render import write_corpus

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")]
ROOT = Path(lsbench.__file__).parents[1]
CLIPS = 6
SLOW = """
import os, time

def make(face, speech):
    open(f"begun-{face.id.replace('/', '-')}", "w").write(str(os.getpid()))
    if face.id != "t1/a0":
        time.sleep(60)
    return face.frames
"""
DIES = """
import ctypes, os, signal, time

def make(face, speech):
    if face.id == "t1/a1":
        {death}
    return face.frames
"""
DEATHS = {
    "ctypes.CDLL(None)._exit(0)": "exited with code 0",
    "ctypes.CDLL(None)._exit(3)": "exited with code 3",
    "os.kill(os.getpid(), signal.SIGSEGV)": "was killed by SIGSEGV",
    "os.kill(os.getpid(), signal.SIGKILL)": "was killed by SIGKILL",
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_corpus(folder, speakers=1, clips=CLIPS, frames=6, size=64)
    return folder


@pytest.fixture
def work(clips: Path, tmp_path: Path) -> Path:
    shutil.copytree(clips, tmp_path / "real")
    return tmp_path


def started(work: Path, *arguments: str) -> subprocess.Popen[str]:
    """`python -m lsbench` in a folder and a session of its own, where Ctrl-C works even if it does not here."""
    return subprocess.Popen(
        [sys.executable, "-m", "lsbench", *arguments],
        cwd=work,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored behind `nohup ... &`
    )


def to_one(process: subprocess.Popen[str], number: int) -> None:
    process.send_signal(number)


def to_all(process: subprocess.Popen[str], number: int) -> None:
    """As a terminal does on Ctrl-C."""
    os.killpg(process.pid, number)


@pytest.mark.parametrize(
    ("send", "number", "status"),
    [(to_one, signal.SIGINT, 130), (to_all, signal.SIGINT, 130), (to_one, signal.SIGTERM, 143)],
)
def test_a_stopped_run_stops_at_once(
    work: Path, send: Callable[[subprocess.Popen[str], int], None], number: int, status: int
) -> None:
    """No clip is begun any more, no worker lives on, one line is said, and what is finished is kept."""
    (work / "slow.py").write_text(SLOW)
    command = ["score", "py:slow:make", "--reference", "real", "--metric", "psnr", "--no-anchors", "--workers", "2"]
    process = started(work, *command)
    finished = work / "runs/slow-make/clips/t1/a0.npz"
    deadline = time.monotonic() + 240
    while not finished.exists() or len(list(work.glob("begun-*"))) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    sent = time.monotonic()
    send(process, number)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - sent < 30  # of a clip that takes 60
    assert process.returncode == status
    assert said == "lsbench: interrupted; what is finished is kept, the same command goes on\n"
    assert finished.exists()
    begun = {path.name: int(path.read_text()) for path in work.glob("begun-*")}
    assert len(begun) == 3  # one finished, two under way
    assert not any(Path(f"/proc/{worker}").exists() for worker in begun.values())


@pytest.mark.parametrize("death", DEATHS)
def test_a_worker_that_dies_says_why(work: Path, death: str) -> None:
    (work / "dies.py").write_text(DIES.format(death=death))
    process = started(work, "generate", "py:dies:make", "--reference", "real", "--out", "out", "--workers", "2")
    _, said = process.communicate(timeout=240)
    assert process.returncode == 1
    assert said.count("\n") == 1 and said.startswith(f"lsbench: a worker process {DEATHS[death]}"), said


def test_names_of_modules_in_the_working_directory_do_no_harm(work: Path) -> None:
    """Nor in workers, nor under `python -m`, which puts that folder before all others."""
    for name in SHADOWS:
        (work / f"{name}.py").write_text("raise SystemExit('imported from the working directory')\n")
    for name, text in {"mymodel": GOOD, "helper": "", "late_helper": ""}.items():
        (work / f"{name}.py").write_text(text)
    command = ["score", "py:mymodel:make", "--reference", "real", "--metric", "psnr", "--no-anchors", "--workers", "2"]
    process = started(work, *command)
    said, wrong = process.communicate(timeout=240)
    assert process.returncode == 0, wrong
    assert "6 of 6 clips, complete" in said
