"""Decoded pictures turned into RGB on a thread of their own, while the next ones are decoded."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

import numpy as np

from lsbench.media.display import Display

_AT_ONCE = 8  # pictures: handing over one by one would take as long as painting them


class Painter:
    """A context in which pictures are shown, a few at a time and in order.

    Decoder and loops of colours both work without Python's global lock, so that the two overlap where a second core is
    free. At most twice _AT_ONCE decoded pictures wait.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._waiting: list[tuple[Display, Any, np.ndarray | None]] = []
        self._painting: Future[None] | None = None

    def __enter__(self) -> Painter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def add(self, display: Display, frame: Any, place: np.ndarray | None) -> None:
        """Have a PyAV VideoFrame shown, into place where that is given (see Display.show)."""
        self._waiting.append((display, frame, place))
        if len(self._waiting) == _AT_ONCE:
            self._hand_over()

    def finish(self) -> None:
        """Wait until all that was added is shown; raises what showing it raised."""
        self._hand_over()
        if self._painting is not None:
            self._painting.result()
            self._painting = None

    def _hand_over(self) -> None:
        if self._painting is not None:
            self._painting.result()
        self._painting = self._thread.submit(_paint, self._waiting)
        self._waiting = []


def _paint(pictures: list[tuple[Display, Any, np.ndarray | None]]) -> None:
    for display, frame, place in pictures:
        display.show(frame, place)
