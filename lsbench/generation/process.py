"""Running another's program: its output kept in a file, its time limited, and nothing of it left behind (POSIX)."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lsbench.errors import GeneratorError
from lsbench.system.endings import explained, oom_kills

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
        oom_kills: what endings.oom_kills() said before it was started.
    """

    code: int
    timed_out: bool
    seconds: float
    peak_bytes: int
    oom_kills: int = 0

    def __str__(self) -> str:
        return explained(self.code, self.oom_kills)


def run_program(arguments: Sequence[str], log: Path, timeout_s: float) -> Exit:
    """Run a program to its end, without a shell and without input; its stdout and stderr go to the log.

    It leads a process group of its own. The group, and on Linux whatever else it started, is killed when the time is
    up, when the program ends and leaves others behind, on an interrupt, and when this process dies, however it does. Of
    what it says the log keeps the first MiB and the last.

    Args:
        arguments: the program, then its arguments.
        log: file of its stdout and stderr, written anew.
        timeout_s: seconds after which it is killed.

    Raises:
        GeneratorError: where its supervisor was killed, so that nobody knows how it ended.
    """
    started, oom_before = time.monotonic(), oom_kills()
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
        raise GeneratorError(
            f"{arguments[0]}: its supervisor {explained(supervisor.returncode, oom_before)}; see {log}"
        )
    status, peak = map(int, report)
    return Exit(os.waitstatus_to_exitcode(status), not ready, seconds, peak * _RSS_BYTES, oom_before)


def last_line(log: Path) -> str:
    """The last line of a log that says anything, without what is no text; empty where there is none."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").splitlines()
    shown = ["".join(character for character in line if character.isprintable()).strip() for line in lines]
    return next((line[-300:] for line in reversed(shown) if line), "")
