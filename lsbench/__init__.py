"""lsbench: benchmark metrics for audio-driven lip-sync and talking-face generators."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "score"]


def __getattr__(name: str) -> Any:
    """`lsbench.score`, imported when it is first used."""
    if name == "score":
        from lsbench.run.score import score

        return score
    raise AttributeError(f"module 'lsbench' has no attribute {name!r}")
