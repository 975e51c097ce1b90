"""The process that hostile.py forks its cases from: everything of lsbench imported, no thread started.

Reads a request a line from stdin, forks, lets the child be `lsbench ARGUMENTS` under limits of memory and time, waits
for it, and writes how it ended as a line to stdout.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOM_BYTES = 1 << 30  # of addresses, beyond the memory that a case may take: what is reserved is not used
CLOCK = 5  # how much longer than its bound on the processor a case may take by the clock
RSS_BYTES = 1 if sys.platform == "darwin" else 1024
APART = ("__main__", "supervisor")  # programs of their own


def main() -> None:
    """Import, then serve until stdin ends."""
    _import_all()
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    while line := sys.stdin.readline():
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            answers.close()
            try:
                _become(request)
            except SystemExit as end:
                if request["stdout"] == request["stderr"] == "file":
                    _end(end.code)
                raise  # the interpreter ends as that of lsbench does
        answers.write(json.dumps(_waited(child, request)) + "\n")
        answers.flush()


def _import_all() -> None:
    for package in (importlib.import_module("lsbench"), importlib.import_module("baselines")):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.rpartition(".")[2] not in APART:
                importlib.import_module(module.name)
    for name in ("pandas", "pyarrow.parquet", "matplotlib.figure", "jinja2"):
        importlib.import_module(name)


def _become(request: dict[str, Any]) -> None:
    """Be lsbench: raises SystemExit."""
    os.setsid()
    os.chdir(Path(request["folder"], "work"))
    os.environ.update(request["environment"])
    tempfile.tempdir = None
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        _lead(number, request[name], Path(request["folder"], name))
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        try:
            stream = open(number, "r" if number == 0 else "w", closefd=False)  # noqa: SIM115
        except OSError:
            stream = None  # as Python itself has it where a stream is closed
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = size + request["memory_bytes"] + ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from lsbench.cli.main import main as lsbench

    sys.argv = ["lsbench", *request["arguments"]]
    lsbench(prog_name="lsbench")


def _end(code: object) -> None:
    """End as the interpreter does, without taking down what is shared with the server: that would copy all of it."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else code is not None)


def _lead(number: int, where: str, path: Path) -> None:
    """Lead a stream of this process to where a case wants it."""
    if where == "closed":
        os.close(number)
        return
    if where == "gone":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open("/dev/full" if where == "full" else path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(writer, number)
    os.close(writer)


def _waited(child: int, request: dict[str, Any]) -> dict[str, Any]:
    """How a child ended; it and its group are killed when its time is up."""
    timed_out, started = False, time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            break
        if not timed_out and time.monotonic() - started > CLOCK * request["seconds"]:
            timed_out = True
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.002)
    try:
        os.killpg(child, signal.SIGKILL)
        left = True
    except ProcessLookupError:
        left = False
    return {
        "status": os.waitstatus_to_exitcode(status),
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": max(0, usage.ru_maxrss - before) * RSS_BYTES,
        "timed_out": timed_out,
        "left": left,
    }


if __name__ == "__main__":
    main()
