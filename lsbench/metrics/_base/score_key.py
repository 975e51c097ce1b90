"""Where a score is filed: `ssim:color=luma/mouth`, taken apart and put together in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace

OWN = "py:"  # before a metric of a user's own: `py:module:Class`


@dataclass(frozen=True)
class ScoreKey:
    """The parts of a score's key.

    Attributes:
        metric: the metric's name, or `py:module:Class` for a user's own.
        options: as they are spelled, `color=luma,window=7`; empty where all are at their defaults.
        region: `whole`, `face`, `mouth`; empty where the score has none. Of what people said, the question.
    """

    metric: str
    options: str = ""
    region: str = ""

    @classmethod
    def parse(cls, text: str) -> ScoreKey:
        """The parts of a key such as `ssim:color=luma/mouth`, `lmd` or `py:mine:MAE/face`."""
        spec, separator, region = text.rpartition("/")
        return cls(*split_spec(spec), region) if separator else cls(*split_spec(text))

    @property
    def spec(self) -> str:
        """The spelling of the metric, without the region: `ssim:color=luma`."""
        return f"{self.metric}:{self.options}" if self.options else self.metric

    def at(self, region: str) -> ScoreKey:
        """The same metric on another region."""
        return replace(self, region=region)

    def __str__(self) -> str:
        return f"{self.spec}/{self.region}" if self.region else self.spec


def split_spec(spec: str) -> tuple[str, str]:
    """Name and options of a spelling: `ssim:color=luma` -> ssim, color=luma; `py:mine:MAE:p=2` -> py:mine:MAE, p=2."""
    colons = 3 if spec.startswith(OWN) else 1
    parts = spec.split(":", colons)
    return ":".join(parts[:colons]), ":".join(parts[colons:])
