"""What the program says and hears: streams that are closed, full, or read by nobody any more, and SIGTERM."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Terminated(KeyboardInterrupt):
    """SIGTERM came: the same as a user's Ctrl-C, with another exit status."""


class Lenient(io.RawIOBase):
    """A stream that loses what it cannot write, so that no work is lost with it, and knows why.

    Attributes:
        lost: why something could not be written; empty where all was.
        has_reader: whether anybody reads it, as nobody does behind `| head` when that has seen enough.
    """

    def __init__(self, descriptor: int, is_open: bool) -> None:
        self.lost, self.has_reader = "", True
        self._descriptor, self._is_open = descriptor, is_open

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """That of the stream."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._is_open and os.isatty(self._descriptor)

    def write(self, text: Any) -> int:
        """Write what can be written of it, and pass over the rest."""
        if not self._is_open:
            self.lost = "it is closed"
        elif not self.lost:
            try:
                return os.write(self._descriptor, text)
            except OSError as error:
                self.lost, self.has_reader = error.strerror or str(error), error.errno != errno.EPIPE
        return len(text)


@contextmanager
def lenient() -> Iterator[Lenient | None]:
    """Standard output and error as Lenient streams meanwhile; yields that of standard output.

    Where they are closed their numbers lead nowhere, so that no file of ours is opened under them, and written into by
    a library that prints. Streams that are not the process's own, as in a test, are left alone: yields None.
    """
    own = {
        name: getattr(sys, name) for name in ("stdout", "stderr") if getattr(sys, name) is getattr(sys, f"__{name}__")
    }
    raw = {name: Lenient(number, _is_open(number)) for number, name in ((1, "stdout"), (2, "stderr")) if name in own}
    _is_open(0)
    for name, stream in raw.items():
        with suppress(OSError, ValueError, AttributeError):  # it is closed
            own[name].flush()
        encoding = getattr(own[name], "encoding", None) or "utf-8"
        text = io.TextIOWrapper(
            io.BufferedWriter(stream), encoding, errors="replace", line_buffering=name == "stderr" or stream.isatty()
        )
        setattr(sys, name, text)
    try:
        yield raw.get("stdout")
    finally:
        for name in raw:
            getattr(sys, name).flush()
            if own[name] is not None:
                setattr(sys, name, own[name])


def _is_open(number: int) -> bool:
    """Whether a stream of this process is open; one that is not leads nowhere from now on."""
    try:
        os.fstat(number)
    except OSError:
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)
        return False
    return True


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises Terminated meanwhile, where it would end the process with nothing said or cleared up.

    Not in another thread than the first; nor for a rank of torchrun's, which may wait for the others where no signal
    reaches Python.
    """
    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    usual = alone and threading.current_thread() is threading.main_thread()
    if not usual or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def terminate(*_: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
