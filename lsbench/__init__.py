"""lsbench: benchmark metrics for audio-driven lip-sync and talking-face generators."""

__version__ = "0.1.0"
