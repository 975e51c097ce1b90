"""What a training run is asked to do: one frozen value, kept as JSON beside its checkpoints."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from dataclasses import Field as Entry
from typing import Any

from lsbench.errors import TrainingError
from lsbench.registry import unknown
from lsbench.system.shape import MOST, shown

MODELS = ("lipgan", "l1wgangp", "wgangp")
PRECISIONS = ("auto", "float32", "bfloat16")
SWITCH = ("auto", "on", "off")
STARTS = ("glorot", "copying")


def _of(
    default: Any,
    asks: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    fixed: bool = False,
) -> Any:
    """A field with what it means, its least and greatest value or choices; fixed: a resumed run cannot change it."""
    about = {"asks": asks, "low": low, "high": high, "choices": choices, "fixed": fixed}
    return field(default=default, metadata=about)


@dataclass(frozen=True, kw_only=True)
class Config:
    """One training run. The defaults are the paper's where it gives them (arXiv 2212.13810 and its thesis)."""

    model: str = field(metadata={"asks": "lipgan, l1wgangp or wgangp", "choices": MODELS, "fixed": True})
    variant: str = _of("residual", "the generator's layers", choices=("residual", "basic"), fixed=True)
    width: float = _of(1.0, "factor on all channels", low=0.01, high=64, fixed=True)
    floor: int = _of(
        16, "least channels of the generator's picture layers, whatever the width", low=1, high=65536, fixed=True
    )
    start: str = _of(
        "glorot",
        "first weights: glorot, Keras' rule, or copying, which gives the identity frame back",
        choices=STARTS,
        fixed=True,
    )
    size: int = _of(96, "face size, px: 24, 48 or 96", low=24, high=96, fixed=True)
    seed: int = _of(10, "of weights, order and shifts", low=0, fixed=True)
    batch: int = _of(96, "samples a step, over all processes", low=2, fixed=True)
    accumulate: int = _of(1, "parts in which a process works off its share of a batch", low=1, fixed=True)
    shift_frames: int = _of(6, "the identity frame is at most this many frames away", low=1, fixed=True)
    one_batch: bool = _of(False, "the first batch again and again: shows whether a model can learn", fixed=True)
    steps: int = _of(105_000, "batches in all", low=1)
    learning_rate: float = _of(1e-4, "Adam's, of both networks", low=0)
    cooling: float = _of(0.0, "share of the steps, the last ones, over which the learning rate falls to 0", low=0)
    beta1: float = _of(0.9, "Adam's first decay; 0 for the WGANs", low=0)
    beta2: float = _of(0.999, "Adam's second decay; 0.9 for the WGANs", low=0)
    l1_weight: float = _of(1.0, "of L1 in the generator's loss; 0 for wgangp", low=0)
    adversarial_weight: float = _of(0.01, "of the discriminator's word in the generator's loss (lipgan)", low=0)
    penalty_weight: float = _of(10.0, "lambda of the gradient penalty (WGANs)", low=0)
    critic_steps: int = _of(5, "critic steps for one generator step (WGANs)", low=1)
    ema_decay: float = _of(0.999, "of the averaged generator; 0 keeps none", low=0)
    freeze_batch_norm: bool = _of(False, "batch norms use and keep their running statistics")
    precision: str = _of("auto", "bfloat16 on a GPU that has it, else float32", choices=PRECISIONS)
    channels_last: bool = _of(True, "images in memory pixel by pixel, which convolutions like")
    compile: str = _of("auto", "torch.compile; on a GPU where auto", choices=SWITCH)
    speakers: tuple[str, ...] = _of((), "train on these only; all if empty", fixed=True)
    test_speakers: tuple[str, ...] = _of(("s1", "s2", "s20", "s22"), "never trained on: those of grid-test", fixed=True)
    validation_share: float = _of(0.1, "of the clips (or speakers), held out", low=0, fixed=True)
    validation_by: str = _of("clip", "what is held out", choices=("clip", "speaker"), fixed=True)
    validation_samples: int = _of(64, "frames of the held-out clips on which SSIM and PSNR are measured", low=1)
    log_every: int = _of(600, "steps", low=1)
    sheet_every: int = _of(3000, "steps between sample sheets; 0 draws none", low=0)
    checkpoint_every: int = _of(1200, "steps", low=1)

    def __post_init__(self) -> None:
        for entry in fields(self):
            object.__setattr__(self, entry.name, _checked(entry, getattr(self, entry.name)))
        for name in ("cooling", "beta1", "beta2", "ema_decay", "validation_share"):
            if getattr(self, name) >= 1:
                raise TrainingError(f"training setting {name}={getattr(self, name)}; expected less than 1")
        if self.start == "copying" and not self.freeze_batch_norm:
            raise TrainingError("training setting start=copying lasts with freeze_batch_norm=true only; set both")
        if self.batch % self.accumulate:
            raise TrainingError(f"training setting batch={self.batch} cannot be cut into accumulate={self.accumulate}")

    @property
    def generator_every(self) -> int:
        """Steps for one step of the generator."""
        return 1 if self.model == "lipgan" else self.critic_steps

    @classmethod
    def of(cls, model: str, settings: Iterable[str] = ()) -> Config:
        """A model's own defaults with settings such as `width=0.25` on top."""
        if model not in MODELS:
            raise TrainingError(unknown("model", model, MODELS))
        own: dict[str, Any] = {} if model == "lipgan" else {"beta1": 0.0, "beta2": 0.9}
        if model == "wgangp":
            own["l1_weight"] = 0.0
        return cls(model=model, **own).with_settings(settings)

    def with_settings(self, settings: Iterable[str]) -> Config:
        """This configuration with `key=value` settings, each typed as its field is."""
        entries = {entry.name: entry for entry in fields(self) if entry.name != "model"}
        changed = {}
        for setting in settings:
            key, equals, text = setting.partition("=")
            if key not in entries:
                raise TrainingError(unknown("training setting", key, entries))
            if not equals:
                raise TrainingError(f"training setting {setting!r}; expected key=value")
            changed[key] = _parsed(entries[key], text)
        return replace(self, **changed)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and checkpoints."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2) + "\n"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """The configuration that to_dict gave; unknown or missing keys are errors."""
        names = [entry.name for entry in fields(cls)]
        for key in values:
            if key not in names:
                raise TrainingError(unknown("training setting", key, names))
        missing = [name for name in names if name not in values]
        if missing:
            raise TrainingError(f"the configuration lacks {', '.join(missing)}; it is of another version of lsbench")
        return cls(**values)

    def fixed(self) -> dict[str, Any]:
        """What a resumed run cannot change."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.metadata["fixed"]}

    def described(self) -> list[tuple[str, str, str]]:
        """(name, value as a setting is written, meaning) of every setting."""
        return [(entry.name, _written(getattr(self, entry.name)), entry.metadata["asks"]) for entry in fields(self)[1:]]


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parsed(entry: Entry[Any], text: str) -> Any:
    kind: Any = type(entry.default)
    if kind is tuple:
        return tuple(part for part in text.split(",") if part)
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise TrainingError(f"training setting {entry.name}={text}; expected true or false")
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError:
        expected = {int: "a whole number", float: "a number"}[kind]
        raise TrainingError(f"training setting {entry.name}={text}; expected {expected}") from None


def _checked(entry: Entry[Any], value: Any) -> Any:
    """The value in its field's type and range, or TrainingError."""
    kind: Any = str if entry.default is MISSING else type(entry.default)
    if kind is float and type(value) is int and abs(value) <= MOST:
        value = float(value)
    if kind is tuple and isinstance(value, list):
        value = tuple(value)
    low, high, choices = (entry.metadata.get(name) for name in ("low", "high", "choices"))
    highest = high or {int: MOST, float: sys.float_info.max}.get(kind)
    fits = type(value) is kind and (low is None or low <= value <= highest)
    if not fits or (kind is tuple and not all(isinstance(each, str) for each in value)):
        range_ = ("" if low is None else f" from {low:g} on") + (f", at most {high:g}" if high else "")
        raise TrainingError(f"training setting {entry.name}={shown(value)}; expected {kind.__name__}{range_}")
    if choices and value not in choices:
        raise TrainingError(f"training setting {entry.name}: " + unknown("choice", value, choices))
    return value
