"""What lsbench logs, shown on stderr: silent unless someone asks."""

from __future__ import annotations

import logging

from lsbench.system.visible import visible


def show(level: int = logging.DEBUG) -> None:
    """Let this process print what lsbench logs from a level on, a line each with the time and the module."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Visible("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("lsbench")
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False


class _Visible(logging.Formatter):
    """Messages whose characters that a terminal would obey are shown."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record), "\n\t")


def shown() -> int:
    """The level from which this process shows what lsbench logs; 0 where it shows nothing of its own accord."""
    logger = logging.getLogger("lsbench")
    return logger.level if logger.handlers else 0
