"""What a metric is: a frozen value that prints as its signature, measures one clip pair, and folds many."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, fields, replace
from inspect import get_annotations
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lsbench import registry
from lsbench.errors import MetricError, WeightsError
from lsbench.face.track import BOX_RULES, Region
from lsbench.metrics._base import extras
from lsbench.metrics._base.direction import Better
from lsbench.metrics._base.influence import of_statistic
from lsbench.metrics._base.learner import Learner
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.score_key import OWN, ScoreKey
from lsbench.metrics._base.stats import Stats


@dataclass(frozen=True, kw_only=True)
class Metric(ABC):
    """Base of every metric: configuration, never state.

    Sub-classes are frozen dataclasses whose fields are the options; signature, spelling and key follow from the fields.
    A change that moves a number bumps `revision`.

    Attributes:
        name: as it is spelled.
        asks: the question that it answers, in a sentence.
        better: which way is better: higher, lower, or zero.
        source: where its definition comes from.
        revision: of the definition, from 1.
        regions: those that it takes; none where it looks at its own ground.
        needs_landmarks: whether it needs the faces of both clips (`pair.landmarks`).
        needs_pictures: whether it looks at pixels; where not, the frames that it is given are blank.
        weights: names of the weight files that it needs with its usual options; see needed_weights.
        libraries: those whose version moves its values by more than rounding.
        extra: of lsbench, that it needs, as in `pip install 'lsbench[vmaf]'`; empty where it needs none.
        per_clip: whether one clip on its own has a value.
        by_segment: whether segments of a clip can be measured as clips of their own, for intervals alone, though its
            statistics cannot be cut; for metrics that look at no pixels.
        needs_speech: whether it asks for speech in the sound, so that silence has no value.
        of_silence: whether it makes sense only where silence drives the videos (see Protocol.drive).
        needs_words: whether it asks what is said (`pair.generated.said`).
        paired: whether it compares with the reference's own pictures; else the video and its sound do.
        region: that it is measured on; None where it has none.
    """

    name: ClassVar[str]
    asks: ClassVar[str]
    better: ClassVar[Better]
    source: ClassVar[str]
    revision: ClassVar[int] = 1
    regions: ClassVar[tuple[Region, ...]] = (Region.WHOLE, Region.FACE, Region.MOUTH)
    needs_landmarks: ClassVar[bool] = False
    needs_pictures: ClassVar[bool] = True
    weights: ClassVar[tuple[str, ...]] = ()
    libraries: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""
    per_clip: ClassVar[bool] = True
    by_segment: ClassVar[bool] = False
    needs_speech: ClassVar[bool] = False
    of_silence: ClassVar[bool] = False
    needs_words: ClassVar[bool] = False
    paired: ClassVar[bool] = True

    region: Region | None = None

    def __post_init__(self) -> None:
        own = {name for kind in type(self).__mro__[:-1] for name, of in get_annotations(kind).items() if _is_option(of)}
        if forgotten := sorted(own - {option.name for option in fields(self)}):
            raise MetricError(
                f"metric {self.name}: {forgotten[0]} is annotated like an option, but its class is no dataclass; put "
                "@dataclass(frozen=True, kw_only=True) above it"
            )
        if self.regions and self.region is None:
            object.__setattr__(self, "region", Region.WHOLE)
        if self.region is not None and self.region not in self.regions:
            allowed = ", ".join(region.value for region in self.regions) or "no region"
            raise MetricError(f"metric {self.name}: region {self.region.value}; it takes {allowed}")
        for option in fields(self):
            choices, value = option.metadata.get("choices"), getattr(self, option.name)
            if choices and value not in choices:
                expected = f"expected one of {', '.join(choices)}"
                raise MetricError(f"metric {self.name}: option {option.name}={value}; {expected}")

    @abstractmethod
    def measure(self, pair: ClipPair) -> Stats:
        """The statistics of one clip."""

    def reach_frames(self, fps: float) -> int | None:
        """How far a frame's rows look: the frames before and after it that decide them; None: all of the clip.

        A metric that says how far it looks sees long clips window by window; one that does not sees them whole, and
        clips that are too large for that are refused.
        """
        return None

    def look(self, pair: ClipPair) -> Stats:
        """What is kept of a window of a clip: rows of the window's own frames (`pair.own`) alone."""
        return self.measure(pair)

    def conclude(self, seen: Stats, pair: ClipPair) -> Stats:
        """The statistics of a clip, from the rows of all its windows; pair: the whole clip, its frames blank."""
        return seen

    def without(self, stats: Stats, left_out: npt.NDArray[np.bool_]) -> Stats:
        """The statistics of a clip without some of its frames: rows are dropped where there is one a frame."""
        if stats.rows != len(left_out):
            return stats
        return Stats(**{name: column[~left_out] for name, column in stats.items()})

    @abstractmethod
    def compute(self, stats: Stats) -> float:
        """The value of the statistics of one clip or of many; NaN where it is undefined."""

    def fold(self, parts: Sequence[Stats]) -> tuple[float, str | None]:
        """The value of many clips, in manifest order, and its note; `parts` may read from disk at every access."""
        stats = Stats.join(parts)
        return self.compute(stats), self.note(stats)

    def influence(self, parts: Sequence[Stats]) -> npt.NDArray[np.float64]:
        """How much each of many clips moves their value: float64 (clips,), mean 0; NaN where it is undefined."""
        return of_statistic(parts, self.compute)

    def within(self, parts: Sequence[Stats]) -> tuple[float, float]:
        """A 95 % interval of the value from within its clips, where they are too few to draw: for other moments of
        these recordings. NaN twice unless a sub-class says how; parts: as for fold()."""
        return math.nan, math.nan

    def segments(self, stats: Stats, edges: npt.NDArray[np.int64], seen: npt.NDArray[np.bool_]) -> list[Stats] | None:
        """The statistics of one clip by its segments, from which intervals and tests are made where clips are few.

        Args:
            stats: of the clip.
            edges: int (segments + 1,), the compared frames at which segments begin, from 0 on, and their number T.
            seen: bool (T,), the compared frames that are not left out.

        Returns:
            One for each segment, some perhaps of no row; None where the clip cannot be cut, as where a row stands for
            all of it. Unless a sub-class says otherwise, rows are cut where there is one a frame.
        """
        rows = np.append(0, np.cumsum(seen))[edges]
        if stats.rows != rows[-1]:
            return None
        return [stats.cut(start, stop) for start, stop in pairwise(rows.tolist())]

    def detail(self, parts: Sequence[Stats]) -> dict[str, Any] | None:
        """What a reader may want beside the value of many clips, as plain values for JSON; None where there is none."""
        return None

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64] | None:
        """The value of each frame, float64 (T,), or None for a metric that has none."""
        return None

    def note(self, stats: Stats) -> str | None:
        """What a reader must know beside the value: why it is undefined, or what it leaves out."""
        return None

    def lacking(self) -> str | None:
        """Why it cannot be measured on this machine, with the remedy; None where it can, once its weights are there."""
        reason = extras.lacking(self.extra)
        return f"{self.name}: {reason}" if reason else None

    def without_truth(self) -> Metric:
        """What is measured in its place where no reference is the truth: itself, unless a sub-class knows better."""
        return self

    @property
    def filed_as(self) -> str:
        """The name by which it can be had again: its own where it is registered, else `py:module:Class`."""
        target = f"{type(self).__module__}:{type(self).__qualname__}"
        registered = registry.METRICS.get(self.name) or registry.table("metrics", registry.METRICS).get(self.name)
        return self.name if registered == target else f"{OWN}{target}"

    @property
    def needs_track(self) -> bool:
        """Whether it needs the face of the reference: `pair.track`, for boxes."""
        return self.region in BOX_RULES

    @property
    def needed_weights(self) -> tuple[str, ...]:
        """Names of the weight files that it needs with the options that it has."""
        return self.weights

    def weight_files(self, pair: ClipPair) -> tuple[Path, ...]:
        """The files of needed_weights; WeightsError where the pair does not name one."""
        for name in self.needed_weights:
            if name not in pair.weights:
                raise WeightsError(
                    f"clip {pair.reference.id}: {self.name} needs the weights {name}, and the pair names none; "
                    f"run lsbench weights fetch {name}, or pass --weights {name}=PATH"
                )
        return tuple(pair.weights[name] for name in self.needed_weights)

    @property
    def learner(self) -> Learner | None:
        """What it learns from the reference clips of other speakers: `pair.models` holds the outcome."""
        return None

    @property
    def self_taught(self) -> bool:
        """Whether it has a model of its own where there is no clip to learn from."""
        return False

    @property
    def signature(self) -> str:
        """Name, revision and every field, so that no option can hide: `ssim.1|region:mouth|box:...|color:rgb`."""
        parts = [f"{self.filed_as}.{self.revision}"]
        for option in fields(self):
            value = getattr(self, option.name)
            if option.name == "region" and value is None:
                continue
            parts.append(f"{option.name}:{_spell(value)}")
            if value in BOX_RULES:
                parts.append(f"box:{BOX_RULES[value]}")
        return "|".join(parts)

    @property
    def spec(self) -> str:
        """The shortest spelling that gives this metric: `ssim:color=luma` (options at their defaults left out)."""
        options = [
            f"{option.name}={_spell(value)}"
            for option in fields(self)
            if option.name != "region" and (value := getattr(self, option.name)) != option.default
        ]
        return str(ScoreKey(self.filed_as, ",".join(options)))

    @property
    def key(self) -> str:
        """Where the score is filed: `ssim/mouth`, or the bare spelling where there is no region."""
        return str(ScoreKey.parse(self.spec).at(self.region.value if self.region else ""))

    def __str__(self) -> str:
        return self.signature

    def options(self) -> dict[str, str]:
        """The options that can be spelled, with their values: every field but the region."""
        return {option.name: _spell(getattr(self, option.name)) for option in fields(self) if option.name != "region"}

    def with_options(self, text: str) -> Metric:
        """This metric with options spelled `name=value,name=value`, each checked against the type of its default."""
        known = {option.name: option for option in fields(self) if option.name != "region"}
        changes = {}
        for item in filter(None, text.split(",")):
            name, separator, value = item.partition("=")
            if not separator or name not in known:
                listed = ", ".join(f"{key}={value}" for key, value in self.options().items()) or "none"
                raise MetricError(f"metric {self.name}: unknown option {item!r}; options and their defaults: {listed}")
            changes[name] = _parse(self.name, known[name], value)
        return replace(self, **changes)


def _is_option(annotation: Any) -> bool:
    return "ClassVar" not in str(annotation)


def _spell(value: Any) -> str:
    if isinstance(value, Region):
        return value.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _parse(metric: str, option: Field[Any], text: str) -> Any:
    default = option.default
    if default is MISSING or not isinstance(default, str | bool | int | float):
        raise MetricError(f"metric {metric}: option {option.name} cannot be set by name")
    if isinstance(default, bool):
        if text not in ("yes", "no"):
            raise MetricError(f"metric {metric}: option {option.name}={text}; expected yes or no")
        return text == "yes"
    if isinstance(default, str):
        return text
    if isinstance(default, int) and not re.fullmatch(r"[+-]?\d+", text):
        raise MetricError(f"metric {metric}: option {option.name}={text}; expected a whole number")
    try:
        return type(default)(text)
    except ValueError:
        raise MetricError(f"metric {metric}: option {option.name}={text}; expected a number") from None
