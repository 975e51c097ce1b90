"""Running another's program: its output kept in a file, its time limited, and nothing of it left behind (POSIX)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# Waits until this process is gone, however it ended, and then ends the program's process group.
_WATCH = "import os, signal, sys; sys.stdin.read(); os.killpg(int(sys.argv[1]), signal.SIGKILL)"
_RSS_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Ended:
    """How a program ended. code: its exit code, or minus the signal that killed it. peak_bytes: its largest process."""

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


def run_program(arguments: Sequence[str], log: Path, timeout_s: float) -> Ended:
    """Run a program to its end, without a shell and without input; its stdout and stderr go to the log.

    It leads a process group of its own. The whole group is killed when the time is up, when it ends and leaves others
    behind, on an interrupt, and when this process dies.
    """
    expired = threading.Event()
    started = time.monotonic()
    with log.open("wb") as file:
        program = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        with _watched(program.pid), _limited(program.pid, timeout_s, expired):
            _, status, usage = os.wait4(program.pid, 0)
            program.returncode = os.waitstatus_to_exitcode(status)
    finally:
        _kill(program.pid)
        program.wait()
    seconds = time.monotonic() - started
    return Ended(program.returncode, expired.is_set(), seconds, usage.ru_maxrss * _RSS_BYTES)


def last_line(log: Path) -> str:
    """The last line of a log that says anything, without what is no text; empty where there is none."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").splitlines()
    shown = ["".join(character for character in line if character.isprintable()).strip() for line in lines]
    return next((line[-300:] for line in reversed(shown) if line), "")


@contextlib.contextmanager
def _watched(group: int) -> Iterator[None]:
    """A small process beside this one that kills the group when this one dies."""
    quiet = subprocess.DEVNULL
    command = [sys.executable, "-I", "-S", "-c", _WATCH, str(group)]
    watch = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        yield
    finally:
        watch.kill()
        watch.communicate()


@contextlib.contextmanager
def _limited(group: int, timeout_s: float, expired: threading.Event) -> Iterator[None]:
    """Kill the group, and say so, when the time is up."""

    def end() -> None:
        expired.set()
        _kill(group)

    timer = threading.Timer(timeout_s, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
