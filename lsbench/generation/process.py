"""Running another's program: its output kept in a file, its time limited, and nothing of it left behind (POSIX)."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lsbench.errors import GeneratorError

SUPERVISOR = Path(__file__).with_name("supervisor.py")
_RSS_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Exit:
    """How a program ended.

    Attributes:
        code: its exit code, or minus the signal that killed it.
        timed_out: whether its time was up.
        seconds: how long it ran.
        peak_bytes: memory of its largest process.
    """

    code: int
    timed_out: bool
    seconds: float
    peak_bytes: int

    def __str__(self) -> str:
        if self.code >= 0:
            return f"exited with code {self.code}"
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-self.code).name}"
        return f"was killed by signal {-self.code}"


def run_program(arguments: Sequence[str], log: Path, timeout_s: float) -> Exit:
    """Run a program to its end, without a shell and without input; its stdout and stderr go to the log.

    It leads a process group of its own. The whole group is killed when the time is up, when the program ends and leaves
    others behind, on an interrupt, and when this process dies, however it does.

    Args:
        arguments: the program, then its arguments.
        log: file of its stdout and stderr, written anew.
        timeout_s: seconds after which it is killed.

    Raises:
        GeneratorError: where its supervisor was killed, so that nobody knows how it ended.
    """
    started = time.monotonic()
    command = [sys.executable, "-I", "-S", str(SUPERVISOR), *arguments]
    with (
        log.open("wb") as file,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, start_new_session=True
        ) as supervisor,
    ):
        assert supervisor.stdin and supervisor.stdout
        try:
            ready, _, _ = select.select([supervisor.stdout], [], [], timeout_s)
        finally:
            supervisor.stdin.close()  # ends what has not ended
            report = supervisor.stdout.read().split()
    seconds = time.monotonic() - started
    if len(report) != 2:
        raise GeneratorError(f"{arguments[0]}: its supervisor was killed (out of memory?); see {log}")
    status, peak = map(int, report)
    return Exit(os.waitstatus_to_exitcode(status), not ready, seconds, peak * _RSS_BYTES)


def last_line(log: Path) -> str:
    """The last line of a log that says anything, without what is no text; empty where there is none."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").splitlines()
    shown = ["".join(character for character in line if character.isprintable()).strip() for line in lines]
    return next((line[-300:] for line in reversed(shown) if line), "")
