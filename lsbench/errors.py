"""The errors lsbench raises on purpose; each message says what, where, what was expected, and the remedy.

LsbenchError               every named error; the command line prints it on one line and exits with 1
├── MediaError             a file cannot be decoded or encoded, or is not what it should be
├── FaceError              no usable face in a clip
├── AlignmentError         generated and reference do not line up (frames, size, frame rate)
├── MatchError             generated files and reference clip ids do not pair off
├── GeneratorError         unknown generator, or one that does not do what it must
├── ArtifactError          unknown artifact, or a strength that it does not have
├── MetricError            unknown metric or option, or arrays that a metric cannot take
├── ProtocolError          a protocol or its data is missing or malformed
├── CorpusError            a raw corpus cannot be fetched, read or prepared
├── WeightsError           a weight file is missing, damaged or cannot be fetched
├── TrainingError          training data, settings or a checkpoint that do not fit, or a training that failed
├── OutputError            what is to be written to is the work of another, or is what is read
├── RunError               a run folder is unreadable, or belongs to another request
├── BundleError            a bundle is damaged, unsafe, or does not hold what it says
├── ComparisonError        runs that must not be ranked together
└── StudyError             a study of human ratings that cannot be made, or a key or ratings that are malformed
"""

import errno
import os
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn


class LsbenchError(Exception):
    """Base of every error that lsbench raises on purpose."""


class MediaError(LsbenchError):
    """A video, sound or image file cannot be read or written."""


class FaceError(LsbenchError):
    """A clip holds no usable face."""


class AlignmentError(LsbenchError):
    """Generated and reference differ in frame count, size or frame rate."""


class MatchError(LsbenchError):
    """Generated files and reference clip ids do not pair off."""


class GeneratorError(LsbenchError):
    """Unknown generator, or one that does not do what it must."""


class ArtifactError(LsbenchError):
    """Unknown artifact, or a strength that it does not have."""


class MetricError(LsbenchError):
    """Unknown metric or option, or input arrays that a metric cannot take."""


class ProtocolError(LsbenchError):
    """A protocol, or the data it names, is missing or malformed."""


class CorpusError(LsbenchError):
    """A raw corpus cannot be fetched, read or prepared."""


class WeightsError(LsbenchError):
    """A weight file is missing, damaged or cannot be fetched."""


class TrainingError(LsbenchError):
    """Training data, settings or a checkpoint that do not fit, or a training that failed."""


class OutputError(LsbenchError):
    """What is to be written to is the work of another, or one of the inputs."""


class RunError(LsbenchError):
    """A run folder is unreadable, or belongs to another request."""


class UnknownScore(RunError, KeyError):
    """A result has no score of this key."""

    __str__ = RunError.__str__


class BundleError(LsbenchError):
    """A bundle is damaged, unsafe to unpack, or does not hold what it says."""


class ComparisonError(LsbenchError):
    """Runs that must not be ranked together."""


class StudyError(LsbenchError):
    """A study of human ratings cannot be made, or its key or ratings are malformed."""


def reason(error: BaseException) -> str:
    """Why something could not be done, in words: what the system says of a file, or the first line of a message."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]


_REMEDIES = {
    errno.ENOSPC: "free some room, or name another folder",
    errno.EDQUOT: "free some room, or name another folder",
    errno.EFBIG: "allow larger files, or name another folder",
    errno.ENAMETOOLONG: "give it a shorter name",
    errno.EACCES: "allow it, or name another path",
    errno.EPERM: "allow it, or name another path",
    errno.EROFS: "name another folder",
    errno.ENOENT: "name a path that is there",
    errno.EMFILE: "allow more open files (ulimit -n), or pass fewer --workers",
    errno.ENOMEM: "free some memory, or pass fewer --workers",
}


def of_system(error: OSError) -> str:
    """What the system refused, in a sentence: the file, what was wrong with it, and a remedy."""
    what = reason(error)
    files = [str(file)[:400] for file in (error.filename, error.filename2) if file is not None]
    where = " to ".join(files) if files else "a file of lsbench's own, in --out, the cache or TMPDIR,"
    remedy = _REMEDIES.get(error.errno or 0, "look at it, or name another")
    return f"{where}: cannot be read or written: {what}; {remedy}"


def in_one_line(error: BaseException) -> str:
    """An exception of another's code in one line: its type, the last line of its message, and where it was raised."""
    lines = str(error).strip().splitlines() or ["no message"]
    code = traceback.extract_tb(error.__traceback__)
    place = f" ({code[-1].filename}, line {code[-1].lineno})" if code else ""
    return f"{type(error).__name__}: {lines[-1].strip()}{place}"


class ProcessExit(BaseException):
    """Code of another asked for the end of this process, by os._exit."""


_exit = os._exit
_foreign, _lock = 0, threading.Lock()  # how much code of others runs now


@contextmanager
def foreign(error: Callable[[str], LsbenchError]) -> Iterator[None]:
    """Run another's code, a generator's or a metric's, which can fail in any way, and end this process in none.

    Whatever it raises, SystemExit and the like included, becomes a named error, and so does os._exit, which would
    leave with whatever status it likes and nothing said. Named errors and a user's interrupt pass as they are.

    Args:
        error: makes the named error of what in_one_line() says.
    """
    global _foreign
    with _lock:
        _foreign += 1
        os._exit = _refuse_exit(os.getpid())
    try:
        yield
    except (LsbenchError, KeyboardInterrupt):
        raise
    except BaseException as failure:
        raise error(in_one_line(failure)) from failure
    finally:
        with _lock:
            _foreign -= 1
            if not _foreign:
                os._exit = _exit


def _refuse_exit(process: int) -> Any:
    def refuse(status: int) -> NoReturn:
        if os.getpid() != process:  # a child that the code has forked ends as it likes
            _exit(status)
        raise ProcessExit(f"os._exit({status}) would end lsbench")

    return refuse
