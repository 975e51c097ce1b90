"""Runs one program to its end for lsbench.generation.process: a script of its own, small, that outlives nobody.

supervisor.py PROGRAM ARGUMENT...: the program leads a process group, reads nothing, and writes where our stderr goes.
When it ends, or when our stdin closes because lsbench says so or is gone, whatever is left of the group is killed. Then
one line goes to stdout: wait status, and peak memory in the unit of getrusage. A process of this size must start the
program: what a process weighs before it becomes another program counts as that program's memory.
"""

from __future__ import annotations

import os
import signal
import sys
import threading


def main() -> None:
    """Start, wait, clear up, report."""
    program = os.fork()
    if program == 0:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        try:
            os.execvp(sys.argv[1], sys.argv[1:])
        except OSError as error:
            os.write(2, f"cannot be started: {error.strerror}\n".encode())
            os._exit(127)

    def watch() -> None:
        os.read(0, 1)
        _kill(program)  # it may not lead its group yet
        _kill(program, whole_group=True)

    threading.Thread(target=watch, daemon=True).start()
    _, status, usage = os.wait4(program, 0)
    _kill(program, whole_group=True)
    os.write(1, f"{status} {usage.ru_maxrss}\n".encode())
    os._exit(0)


def _kill(process: int, whole_group: bool = False) -> None:
    try:
        (os.killpg if whole_group else os.kill)(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


if __name__ == "__main__":
    main()
