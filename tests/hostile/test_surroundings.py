"""A poor machine: no UTF-8, no home, little memory, a cache that cannot be written. It works, or says why in a line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "run" / "data"
ROOT = Path(__file__).parents[2]
RUNS = [str(DATA / "runs" / name) for name in ("noisy-frame", "blurred-mouth")]
COMMANDS = {
    "table": ["leaderboard", *RUNS],
    "latex": ["leaderboard", *RUNS, "--format", "latex"],
    "verify": ["verify", str(DATA / "blurred-mouth.zip")],
    "refused": ["protocols", "show", "grid-tset"],
}
PLAIN = {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def started(
    arguments: list[str], environment: Mapping[str, str], kib: int | None = None
) -> subprocess.CompletedProcess[str]:
    """lsbench in an environment of these variables alone, with so many KiB of addresses."""
    whole = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    limit = f"ulimit -v {kib} && " if kib else ""
    return subprocess.run(
        ["/bin/sh", "-c", f'{limit}exec "$@"', "sh", sys.executable, "-m", "lsbench", *arguments],
        env={**whole, **environment},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_without_utf8_and_home_it_works_or_says_why(command: str) -> None:
    done = started(COMMANDS[command], PLAIN)
    assert done.returncode == (command == "refused"), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == (command == "refused")
    assert done.stdout.isascii() and done.stderr.isascii()


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = started(COMMANDS["verify"], {"LSBENCH_CACHE": str(tmp_path / "file" / "x"), "HOME": str(tmp_path / "file")})
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="addresses are limited on Linux alone")
@pytest.mark.parametrize("command", ["table", "verify"])
def test_with_little_room_it_works_or_says_why(command: str) -> None:
    done = started(COMMANDS[command], {}, 3 << 20)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == done.returncode
