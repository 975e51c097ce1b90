"""Several ranks under torchrun, with and without a common file system: the bits of one process, and no clip twice."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import lsbench
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import RunError
from lsbench.protocol import protocol
from lsbench.run import anchors
from lsbench.run.folder import Run

pytestmark = pytest.mark.ranks

PROGRAM = """
import os, sys
import lsbench
from lsbench.run import measure
from lsbench.system import pool
from lsbench.system.ranks import Ranks
out = sys.argv[3].replace("RANK", os.environ["RANK"])
measured = measure.measure_clip
def counted(settings, job, kept=None):
    frames = measured(settings, job, kept)
    with open(sys.argv[4], "a") as file:
        file.write(job.reference.id + "\\n")
    if os.environ["RANK"] == os.environ.get("LOST") and job.reference.id == os.environ["LAST"]:
        os._exit(9)
    return frames
import lsbench.run.videos
lsbench.run.videos.measure_clip = counted
options = {"reference": sys.argv[2], "metrics": ["psnr", "ssim"], "out": out, "ranks": Ranks.of_torchrun()}
result = lsbench.score(sys.argv[1], name="run", **options)
print("RESULT", os.environ["RANK"], result["psnr/mouth"].hex(), result.clips, flush=True)
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    write_corpus(folder / "reference", speakers=2, clips=3, frames=6, size=96)
    write_corpus(folder / "generated", speakers=2, clips=3, frames=6, size=96)
    return folder


def numbers(run: Path) -> tuple[dict[str, Any], str]:
    """Everything that a run says; the table as text, in which an undefined value equals itself."""
    return json.loads((run / "result.json").read_text()), repr(pd.read_parquet(run / "clips.parquet").values.tolist())


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def start(corpus: Path, out: str, log: Path, world: int = 2, **environment: str) -> list[subprocess.Popen[str]]:
    """The processes that torchrun would start, one a rank."""
    port = str(free_port())
    return [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, corpus / "generated", corpus / "reference", out, log],
            env=os.environ
            | {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world), "OMP_NUM_THREADS": "1"}
            | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]


def ended(processes: list[subprocess.Popen[str]]) -> Iterator[tuple[int, str, str]]:
    for process in processes:
        out, err = process.communicate(timeout=120)
        yield process.returncode, out, err


@pytest.fixture(scope="module")
def alone(corpus: Path) -> Path:
    """The run of one process."""
    lsbench.score(
        corpus / "generated", reference=corpus / "reference", metrics=["psnr", "ssim"], out=corpus / "alone", name="run"
    )
    return corpus / "alone" / "run"


@pytest.mark.slow
def test_ranks_without_a_common_file_system(corpus: Path, alone: Path, tmp_path: Path) -> None:
    log = tmp_path / "measured"
    done = list(ended(start(corpus, str(tmp_path / "own" / "RANK"), log)))
    assert [code for code, _, _ in done] == [0, 0], done
    assert numbers(tmp_path / "own" / "0" / "run") == numbers(alone)
    lines = [next(line for line in text.splitlines() if line.startswith("RESULT")).split() for _, text, _ in done]
    assert lines[0][2:] == lines[1][2:] and lines[0][3] == "6"
    scored = log.read_text().split()
    assert len(scored) == len(set(scored)) == 6  # nothing twice, and both ranks had a share
    assert not list((tmp_path / "own" / "0" / "run").glob(".*"))


@pytest.mark.slow
def test_a_lost_rank_leaves_a_run_that_goes_on(corpus: Path, alone: Path, tmp_path: Path) -> None:
    ids = [clip.id for clip in protocol.from_folder(corpus / "reference").clips]
    first, second = tmp_path / "first", tmp_path / "second"
    survivor, lost = ended(start(corpus, str(tmp_path / "all"), first, LOST="1", LAST=ids[3]))
    assert lost[0] == 9 and survivor[0] != 0
    assert "finished clips are kept, the same command goes on" in survivor[2]
    assert not (tmp_path / "all" / "run" / "result.json").exists()
    assert [code for code, _, _ in ended(start(corpus, str(tmp_path / "all"), second))] == [0, 0]
    assert numbers(tmp_path / "all" / "run") == numbers(alone)
    assert set(second.read_text().split()) == {ids[5]}  # of the lost rank's share only what it had not finished


@pytest.mark.slow
def test_torchrun_itself(corpus: Path, alone: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-port",
        str(free_port()),
    ]
    command += ["-m", "lsbench", "score", corpus / "generated", "--reference", corpus / "reference", "--metric", "psnr"]
    command += ["--metric", "ssim", "--out", tmp_path, "--name", "run", "--ranks"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert numbers(tmp_path / "run") == numbers(alone)
    assert done.stdout.count("psnr/mouth") <= 1  # one rank speaks


ANCHORED = """
import sys
from lsbench.cli.main import main
for name in ("one", "other"):
    command = ["score", sys.argv[1], "--reference", sys.argv[2], "--metric", "psnr", "--name", name, "--ranks", "-q"]
    main(command, standalone_mode=False)
"""


@pytest.mark.slow
def test_ranks_with_disks_of_their_own_score_two_generators(corpus: Path, tmp_path: Path) -> None:
    """The first rank knows which anchors are there; the others have only their share of them."""
    processes = []
    port = str(free_port())
    for rank in range(2):
        (tmp_path / str(rank)).mkdir()
        environment = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
        command: list[Any] = [sys.executable, "-c", ANCHORED, corpus / "generated", corpus / "reference"]
        processes.append(
            subprocess.Popen(
                command,
                env=os.environ | environment | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port},
                cwd=tmp_path / str(rank),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    done = list(ended(processes))
    assert [code for code, _, _ in done] == [0, 0], done
    runs = tmp_path / "0" / "runs"
    assert numbers(runs / "one")[1] == numbers(runs / "other")[1]
    assert {path.name for path in anchors.beside([runs / "one", runs / "other"])} == set(anchors.ANCHORS)


def test_two_processes_on_one_run_folder(corpus: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"reference": corpus / "reference", "metrics": ["psnr"], "out": tmp_path, "name": "run"}
    with Run(tmp_path / "run").locked(), pytest.raises(RunError, match="is being scored by another process"):
        lsbench.score(corpus / "generated", **options)
    assert lsbench.score(corpus / "generated", **options).complete
    assert not list(tmp_path.glob(".*"))


CHILD = """
import os, sys
import lsbench
lsbench.score(sys.argv[1], reference=sys.argv[2], metrics=["psnr", "ssim"])  # so that what is slow to load is there
sys.stdout.write("ready\\n"); sys.stdout.flush()
for line in sys.stdin:
    if (child := os.fork()) == 0:
        lsbench.score(sys.argv[1], reference=sys.argv[2], metrics=["psnr", "ssim"], out=sys.argv[3], name="run")
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.slow
def test_killed_twenty_times_at_any_moment(corpus: Path, alone: Path, tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", CHILD, corpus / "generated", corpus / "reference", tmp_path]
    starter = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert starter.stdin and starter.stdout

    def score(seconds: float | None) -> int:
        """Let a fresh process score, killed after so many seconds; its wait status."""
        assert starter.stdin and starter.stdout
        starter.stdin.write("go\n")
        starter.stdin.flush()
        child = int(starter.stdout.readline())
        if seconds is not None:
            time.sleep(seconds)
            with suppress(ProcessLookupError):  # it had ended before
                os.kill(child, signal.SIGKILL)
        return int(starter.stdout.readline())

    assert starter.stdout.readline() == "ready\n"
    started = time.monotonic()
    assert score(None) == 0
    whole = time.monotonic() - started
    expected = numbers(alone)
    assert numbers(tmp_path / "run") == expected
    moments, killed = random.Random(0), 0
    while killed < 20:
        if (tmp_path / "run" / "result.json").exists():
            shutil.rmtree(tmp_path / "run")
        killed += score(moments.uniform(0, whole)) == signal.SIGKILL
    assert score(None) == 0
    starter.stdin.close()
    assert starter.wait(timeout=20) == 0
    assert numbers(tmp_path / "run") == expected


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_full_disk_is_named_and_loses_nothing(corpus: Path, alone: Path, tmp_path: Path) -> None:
    code = (
        "import resource, sys, lsbench; from lsbench.errors import RunError\n"
        "soft = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1500, soft))\n"
        "generated, reference, out = sys.argv[1:]\n"
        "try: lsbench.score(generated, reference=reference, metrics=['psnr', 'ssim'], out=out, name='run')\n"
        "except RunError as error: print('named:', error)\n"
    )
    arguments = [sys.executable, "-c", code, corpus / "generated", corpus / "reference", tmp_path]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert "named:" in done.stdout and "cannot be written" in done.stdout, done.stderr
    assert not (tmp_path / "run" / "result.json").exists()
    assert not list(tmp_path.rglob("*.tmp"))
    options: dict[str, Any] = {"metrics": ["psnr", "ssim"], "out": tmp_path, "name": "run"}
    lsbench.score(corpus / "generated", reference=corpus / "reference", **options)
    assert numbers(tmp_path / "run") == numbers(alone)
