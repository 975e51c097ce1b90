"""Runs one program to its end for lsbench.generation.process: a script of its own, small, that outlives nobody.

supervisor.py PROGRAM ARGUMENT...: the program leads a process group, reads nothing, and what it says goes where our
stderr goes, its first and its last MiB where it says more. When it ends, or when our stdin closes because lsbench says
so or is gone, whatever it started and left is killed: its group, and on Linux those too that made sessions of their
own. Then one line goes to stdout: wait status, and peak memory in the unit of getrusage. A process of this size must
start the program: what a process weighs before it becomes another program counts as that program's memory.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

KEPT_BYTES = 1 << 20  # of the beginning of what a program says, and of its end
BLOCK = 1 << 16
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of <linux/prctl.h>
PATIENCE_S = 5.0  # that is spent on killing what a program has left


def main() -> None:
    """Start, wait, clear up, report."""
    listening, saying = os.pipe()
    may_start, start = os.pipe()
    program = os.fork()
    if program == 0:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(saying, 1)
        os.dup2(saying, 2)
        os.close(start)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # which Python ignores, and a program expects
        os.read(may_start, 1)
        try:
            os.execvp(sys.argv[1], sys.argv[1:])
        except OSError as error:
            os.write(2, f"cannot be started: {error.strerror}\n".encode())
            os._exit(127)
    os.close(saying)
    adopts = _adopt_orphans()
    os.close(start)

    def watch() -> None:
        os.read(0, 1)
        _kill(program)  # it may not lead its group yet
        _kill(program, whole_group=True)

    threading.Thread(target=watch, daemon=True).start()
    listener = threading.Thread(target=_listen, args=(listening,), daemon=True)
    listener.start()
    _, status, usage = os.wait4(program, 0)
    _kill(program, whole_group=True)
    if adopts:
        _kill_orphans()
    listener.join(PATIENCE_S)
    os.write(1, f"{status} {usage.ru_maxrss}\n".encode())
    os._exit(0)


def _listen(source: int) -> None:
    """Write what a program says to stderr: as it comes at first, then the end of it."""
    said, last = 0, bytearray()
    while block := os.read(source, BLOCK):
        room = max(0, KEPT_BYTES - said)
        _write(block[:room])
        last += block[room:]
        if len(last) > 4 * KEPT_BYTES:  # cut rarely: what is kept is copied then
            last = last[-KEPT_BYTES:]
        said += len(block)
    left_out = said - 2 * KEPT_BYTES
    if left_out > 0:
        _write(f"\n[lsbench: {left_out} bytes are left out here]\n".encode())
    _write(bytes(last[-KEPT_BYTES:]))


def _write(text: bytes) -> None:
    try:
        while text:
            text = text[os.write(2, text) :]
    except OSError:  # the disk is full: the program goes on
        pass


def _adopt_orphans() -> bool:
    """Become the parent of all that the program's children leave behind; whether the system can do that."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes

        return ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0) == 0
    except (ImportError, OSError, AttributeError):
        return False


def _kill_orphans() -> None:
    """Kill our children, and theirs as they become ours, until there are none."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for child in _children():
            _kill(child)
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.001)
        except ChildProcessError:
            return


def _children() -> list[int]:
    """The processes whose parent we are."""
    mine, found = str(os.getpid()), []
    for name in os.listdir("/proc"):  # noqa: PTH208 (pathlib would make this script larger)
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    if file.read().rpartition(")")[2].split()[1] == mine:
                        found.append(int(name))
            except (OSError, IndexError):  # it is gone
                continue
    return found


def _kill(process: int, whole_group: bool = False) -> None:
    try:
        (os.killpg if whole_group else os.kill)(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


if __name__ == "__main__":
    main()
