"""Bad inputs by verb: what a case is, and how it is run. The table itself: tests/hostile/cases_*.py.

    CASES = [
        Case("bundle on its own run.json", ["bundle", "run", "--out", "run/run.json"], run_folder, words=["run.json"]),
    ]

A case is run in a folder of its own by a process that is forked from one in which lsbench is imported already
(hostile_server.py), so that it takes a tenth of a second and not three. It is held to its exit status, to the words
that its message must have, to one line without a traceback, to bounds on time and memory, and to changing nothing
but what it says it changes.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any

SERVER = Path(__file__).with_name("hostile_server.py")
MIB = 1 << 20


@dataclass(frozen=True)
class Case:
    """One bad input, and what must come of it.

    Attributes:
        name: says in a few words what is bad; it is the test's id, and bears the verb first.
        arguments: of lsbench. Paths are relative to the folder that `make` fills.
        make: fills the case's own folder, its working directory; it may copy from the stock.
        status: exit status.
        words: that must occur in what is said on stderr or, where that is empty, on stdout.
        changes: files or folders, relative to the folder, in which something may change; all else must stay as it is.
        check: is told the folder afterwards; asserts what else must hold.
        seconds: most it may take, of the processor, in this process and those that it started. The clock may show
            five times as many.
        memory_mib: most by which its memory may grow beyond what lsbench takes to start.
        environment: variables besides the usual ones.
        stdout, stderr: `file`, `closed`, `full` (a disk without room), or `gone` (a pipe that nobody reads).
        more_lines: whether more than the one line of the error may be said on stderr.
    """

    name: str
    arguments: Sequence[str]
    make: Callable[[Path, Stock], object] = lambda *_: None
    status: int = 1
    words: Sequence[str] = ()
    changes: Sequence[str] = ()
    check: Callable[[Path], object] = lambda *_: None
    seconds: float = 20
    memory_mib: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)
    stdout: str = "file"
    stderr: str = "file"
    more_lines: bool = False

    def __str__(self) -> str:
        return self.name


def every_case(folder: Path) -> list[Case]:
    """The cases of all cases_*.py in a folder; AssertionError where two bear one name."""
    cases = [case for path in sorted(folder.glob("cases_*.py")) for case in importlib.import_module(path.stem).CASES]
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
    return cases


@dataclass(frozen=True)
class Outcome:
    """How a case ended.

    Attributes:
        status: exit status, or minus the signal that ended it.
        stdout, stderr: what it said; empty where it had nowhere to say it.
        cpu_seconds, peak_bytes: of it and its children; memory beyond that of the process it was forked from.
        timed_out: whether it had to be killed.
        left: whether a process of its group lived on.
    """

    status: int
    stdout: str
    stderr: str
    cpu_seconds: float
    peak_bytes: int
    timed_out: bool
    left: bool


class Server:
    """A process in which lsbench is imported, from which cases are forked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("cache", "weights", "matplotlib"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        threads = dict.fromkeys(
            ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
        )
        own = {
            "LSBENCH_CACHE": str(folder / "cache"),
            "LSBENCH_WEIGHTS": str(folder / "weights"),
            "MPLCONFIGDIR": str(folder / "matplotlib"),
            "PIP_NO_INDEX": "1",  # nothing is fetched
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **threads, **own},
            text=True,
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._input.close()
        self._process.wait()

    @property
    def _input(self) -> IO[str]:
        assert self._process.stdin
        return self._process.stdin

    def run(
        self,
        folder: Path,
        arguments: Sequence[str],
        *,
        seconds: float = 60,
        memory_mib: int = 4096,
        environment: Mapping[str, str] | None = None,
        stdout: str = "file",
        stderr: str = "file",
    ) -> Outcome:
        """Run lsbench in a folder's `work`, with `home` and `tmp` beside it."""
        for name in ("work", "home", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        here = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
        request = {
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": {**here, **(environment or {})},
            "seconds": seconds,
            "memory_bytes": memory_mib * MIB,
            "stdout": stdout,
            "stderr": stderr,
        }
        self._input.write(json.dumps(request) + "\n")
        self._input.flush()
        assert self._process.stdout
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or "{}")
        for name in ("stdout", "stderr"):
            path = folder / name
            answer[name] = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
            path.unlink(missing_ok=True)
        return Outcome(**answer)


class Stock:
    """Good inputs, made once, for cases to copy and to spoil: two clips of 96 x 96, of 8 frames.

    folder/real: reference clips with side-cars; folder/made: a generator's videos of them; folder/runs/good: the run.
    What else a case needs is made with `also`.
    """

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder, self.server = folder, server

    @cached_property
    def real(self) -> Path:
        """Reference clips t1/a0 and t2/a0, with side-cars of landmarks."""
        from lsbench.corpus.toy.render import write_corpus

        write_corpus(self.folder / "work" / "real", speakers=2, clips=1, frames=8, size=96)
        return self.folder / "work" / "real"

    @cached_property
    def made(self) -> Path:
        """Finished videos of them, from `lsbench generate noisy-frame`."""
        return self.also("made", "generate", "noisy-frame", "--reference", "real", "--out", "made", "--workers", "1")

    @cached_property
    def run(self) -> Path:
        """A finished run of these videos, by psnr."""
        score = ["score", "made", "--reference", "real", "--metric", "psnr", "--workers", "1", "--no-anchors"]
        return self.made and self.also("runs/good", *score, "--out", "runs", "--name", "good")

    def also(self, made: str, *arguments: str) -> Path:
        """What a command makes in the stock's folder, made once; AssertionError where it fails."""
        path = self.folder / "work" / made
        if not path.exists():
            assert self.real
            outcome = self.server.run(self.folder, arguments)
            assert outcome.status == 0 and path.exists(), (arguments, outcome)
        return path


def snapshot(folder: Path) -> dict[str, str]:
    """Everything below a folder by name: what it is, its size and its digest."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_file():
            found[name] = f"{path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
        else:
            found[name] = "folder" if path.is_dir() else "neither file nor folder"
    return found


def hold(case: Case, server: Server, stock: Stock, folder: Path) -> Outcome:
    """Run a case in a new folder and assert all that it says."""
    work = folder / "work"
    work.mkdir(parents=True)
    case.make(work, stock)
    before = snapshot(work)
    outcome = server.run(
        folder,
        case.arguments,
        seconds=case.seconds,
        memory_mib=case.memory_mib,
        environment=case.environment,
        stdout=case.stdout,
        stderr=case.stderr,
    )
    said = outcome.stderr or outcome.stdout
    assert not outcome.timed_out, f"not done after {case.seconds} s: {said[-2000:]}"
    assert outcome.status == case.status, f"status {outcome.status}: {said[-2000:]}"
    assert "Traceback" not in outcome.stderr, outcome.stderr[-2000:]
    assert outcome.cpu_seconds <= case.seconds, f"{outcome.cpu_seconds:.1f} s of the processor"
    assert outcome.peak_bytes <= case.memory_mib * MIB, f"{outcome.peak_bytes / MIB:.0f} MiB more"
    assert not outcome.left, "a process that it started lives on"
    missing = [word for word in case.words if word not in said]
    assert not missing, f"not said: {missing}; said: {said[-2000:]}"
    if case.stdout == "gone":
        assert not outcome.stderr, outcome.stderr  # as `| head` ends others: nobody complains
    elif case.status == 1 and case.stderr == "file":
        lines = outcome.stderr.splitlines()
        assert lines and lines[-1].startswith("lsbench: "), outcome.stderr[-2000:]
        assert case.more_lines or len(lines) == 1, outcome.stderr[-2000:]
    _assert_same(before, snapshot(work), case.changes)
    for name in ("home", "tmp"):
        assert not list((folder / name).iterdir()), f"{name} holds {sorted(snapshot(folder / name))}"
    case.check(work)
    return outcome


def _assert_same(before: dict[str, str], after: dict[str, str], changes: Sequence[str]) -> None:
    def kept(found: dict[str, str]) -> dict[str, str]:
        return {
            name: what for name, what in found.items() if not any(f"{name}/".startswith(f"{own}/") for own in changes)
        }

    assert kept(after) == kept(before)
