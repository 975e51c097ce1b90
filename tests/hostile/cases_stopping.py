"""Code of others that ends the process, leaves others behind or talks without end; streams that are closed or full."""

from __future__ import annotations

import shutil
import sys
import textwrap
from pathlib import Path

from cases_out import REFERENCE, SCORE, Make, stocked
from hostile import Case, Stock

PYTHON = sys.executable
CMD = f"cmd:{PYTHON} tool.py {{video}} {{output}}"
ENDINGS = {  # how a user's code may end the process, and what must be said of it
    "os._exit(0)": "os._exit(0)",
    "os._exit(7)": "os._exit(7)",
    "sys.exit(0)": "SystemExit",
    "sys.exit('bye')": "bye",
    "exit()": "SystemExit",
    "raise Own('gone')": "Own: gone",
    "raise GeneratorExit": "GeneratorExit",
    "raise StopIteration": "StopIteration",
    "raise asyncio.CancelledError('cut')": "CancelledError: cut",
    "raise MemoryError": "MemoryError",
    "recurse()": "RecursionError",
}
HEAD = """\
    import asyncio, os, sys
    from lsbench import FrameMetric

    class Own(BaseException):
        pass

    def recurse():
        recurse()
"""
GENERATOR = f"""{HEAD}
    def make(face, speech):
        {{ending}}
"""
MADE = f"""{HEAD}
    class make:
        def __init__(self):
            {{ending}}

        def __call__(self, face, speech):
            return face.frames
"""
IMPORTED = f"""{HEAD}
    {{ending}}

    def make(face, speech):
        return face.frames
"""
METRIC = f"""{HEAD}
    class Mine(FrameMetric):
        name, better, source, asks = "mine", "lower", "own definition", "How far?"

        def values(self, reference, generated):
            {{ending}}
"""
DAEMON = """
    import os, shutil, subprocess, sys, time
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(300)"],
        start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    open("left", "a").write(f"{left.pid}\\n")
    shutil.copy(sys.argv[1], sys.argv[2])
"""
TWICE = """
    import os, shutil, sys, time
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open("left", "a").write(f"{os.getpid()}\\n")
            time.sleep(300)
        os._exit(0)
    while not os.path.exists("left"):
        time.sleep(0.01)
    shutil.copy(sys.argv[1], sys.argv[2])
"""
TALKER = """
    import os, shutil, sys
    os.write(1, b"the first words\\n")
    for _ in range(200):
        os.write(1, b"x" * (1 << 20))
    os.write(2, b"the last words\\n")
    shutil.copy(sys.argv[1], sys.argv[2])
"""
KILLED = """
    import os, signal
    os.kill(os.getpid(), signal.{signal})
"""


def written(text: str, name: str = "mine.py") -> Make:
    """The stock, and a script or a module of the user's."""

    def make(folder: Path, stock: Stock) -> None:
        stocked(folder, stock)
        (folder / name).write_text(textwrap.dedent(text))

    return make


def nothing_is_left(folder: Path) -> None:
    """The processes whose ids are in `left` are gone."""
    (shutil.move(folder / "left", folder.parent / "left"))
    for process in map(int, (folder.parent / "left").read_text().split()):
        status = Path(f"/proc/{process}/stat")
        assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def log_is_short(folder: Path) -> None:
    """Of 200 MB the first and the last words are kept."""
    for log in (folder / "out/logs").rglob("*.log"):
        text = log.read_bytes()
        assert len(text) < 3 << 20
        assert text.startswith(b"the first words\n") and text.endswith(b"the last words\n")
        assert b"bytes are left out here" in text


def said_on_stdout(*arguments: str) -> list[Case]:
    """A command with much to say to a stream that takes nothing: no work is lost, and the status tells."""
    what = arguments[0]
    return [
        Case(f"{what} to a closed output", arguments, stocked, words=["standard output", "closed"], stdout="closed"),
        Case(f"{what} to a full disk", arguments, stocked, words=["standard output", "No space left"], stdout="full"),
        Case(f"{what} to nobody", arguments, stocked, stdout="gone"),
    ]


def scored(folder: Path) -> None:
    """The work was done, whatever could be said of it."""
    assert (folder / "runs/made/result.json").exists()


CASES = [
    *(
        Case(
            f"{verb[0]} with a {kind} that does {ending}",
            [*verb, "--out", "out"],
            written(text.format(ending=ending)),
            words=["mine", said],
            changes=["out"],
        )
        for kind, text in {"generator": GENERATOR, "class": MADE, "module": IMPORTED}.items()
        for ending, said in ENDINGS.items()
        for verb in (
            ("generate", "py:mine:make", *REFERENCE),
            ("score", "py:mine:make", *REFERENCE, "--metric", "psnr", "--no-anchors"),
        )
        if (verb[0] == "generate") == (kind == "generator") or "exit" in ending
    ),
    *(
        Case(
            f"score by a metric that does {ending}",
            ["score", "made", *REFERENCE, "--metric", "py:mine:Mine", "--no-anchors", "--out", "out"],
            written(METRIC.format(ending=ending)),
            words=["mine:Mine", said],
            changes=["out"],
        )
        for ending, said in ENDINGS.items()
    ),
    *(
        Case(
            f"generate by a program that leaves {what}",
            ["generate", CMD, *REFERENCE, "--out", "out"],
            written(text, "tool.py"),
            status=0,
            changes=["out", "left"],
            check=nothing_is_left,
        )
        for what, text in {"a session of its own": DAEMON, "a daemon": TWICE}.items()
        if Path("/proc/self/stat").exists()
    ),
    Case(
        "generate by a program that says 200 MB",
        ["generate", CMD, *REFERENCE, "--out", "out"],
        written(TALKER, "tool.py"),
        status=0,
        changes=["out"],
        check=log_is_short,
        memory_mib=64,
    ),
    *(
        Case(
            f"generate by a program that is ended by {name}",
            ["generate", CMD, *REFERENCE, "--out", "out"],
            written(KILLED.format(signal=name), "tool.py"),
            words=["t1/a0", f"killed by {name}"],
            changes=["out"],
        )
        for name in ("SIGKILL", "SIGSEGV", "SIGABRT", "SIGTERM")
    ),
    *said_on_stdout("metrics"),
    *said_on_stdout("leaderboard", "runs/good"),
    *said_on_stdout("generators"),
    *said_on_stdout("--help"),
    *said_on_stdout("protocols"),
    *(
        Case(
            f"score to an output that is {stream}",
            [*SCORE, "--out", "runs", "--quiet"],
            stocked,
            stdout=stream,
            changes=["runs/made"],
            check=scored,
        )
        for stream in ("closed", "full", "gone")
    ),
    *(
        Case(
            f"score with an error stream that is {stream}",
            [*SCORE, "--out", "runs"],
            stocked,
            status=0,
            stderr=stream,
            changes=["runs/made"],
            check=scored,
        )
        for stream in ("closed", "full", "gone")
    ),
    *(
        Case(f"bundle of nothing with an error stream that is {stream}", ["bundle", "nothing"], stderr=stream)
        for stream in ("closed", "full", "gone")
    ),
]
