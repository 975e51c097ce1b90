"""What a run says of itself: losses checked step by step, a JSON line each interval, TensorBoard where it is there."""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from baselines.training.ranks import Ranks
from lsbench.errors import TrainingError
from lsbench.system.cache import write_atomically
from lsbench.system.strict_json import encode

FILE = "log.jsonl"


class NonFiniteLoss(TrainingError):
    """A loss term became NaN or infinite."""


class Losses:
    """The loss terms of the steps since the last summary, checked for NaN and infinity."""

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self._waiting: list[tuple[int, dict[str, Tensor]]] = []
        self._values: dict[str, list[float]] = {}
        self._latest: dict[str, float] = {}

    def __str__(self) -> str:
        return " ".join(f"{name} {value:.4g}" for name, value in self._latest.items())

    def add(self, step: int, terms: dict[str, Tensor]) -> None:
        """The terms of one step, scalars on their device, still unread: reading them would wait for a GPU."""
        self._waiting.append((step, terms))

    def settle(self) -> None:
        """Average the new terms over processes and read them; TrainingError at the first that is not finite."""
        if not self._waiting:
            return
        values = torch.stack([term.float() for _, terms in self._waiting for term in terms.values()])
        self.ranks.average([values])
        read = iter(values.tolist())
        for step, terms in self._waiting:
            for name in terms:
                value = next(read)
                if not math.isfinite(value):
                    raise NonFiniteLoss(f"step {step}: {name} is {value}")
                self._latest[name] = value
                if self.ranks.writes:
                    self._values.setdefault(name, []).append(value)
        self._waiting.clear()

    def summary(self) -> dict[str, dict[str, float]]:
        """Mean, least and greatest value of every term since the last summary, which begins anew."""
        means = {
            name: {"mean": statistics.fmean(values), "low": min(values), "high": max(values)}
            for name, values in self._values.items()
        }
        self._values.clear()
        return means


class Pace:
    """Samples a second since the last restart, and the most memory this process has held."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.restart()

    def __str__(self) -> str:
        return f"{self.samples_per_second():.0f} samples/s, {self.peak_memory_gib():.2f} GiB"

    def restart(self) -> None:
        self._samples, self._since = 0, time.perf_counter()

    def add(self, samples: int) -> None:
        self._samples += samples

    def samples_per_second(self) -> float:
        return self._samples / (time.perf_counter() - self._since)

    def peak_memory_gib(self) -> float:
        """Of the GPU where there is one, else of the process; NaN where the system does not say."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 2**30
        try:
            import resource
        except ImportError:  # on Windows
            return math.nan
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**30 if sys.platform == "darwin" else 2**20)


class Log:
    """OUT/log.jsonl and OUT/tensorboard, from `step` on: what a run that was cut short had logged beyond is dropped.

    empty: whether nothing was logged up to `step`, because the run is new or its log is gone.
    """

    def __init__(self, out: Path, step: int) -> None:
        self.path = out / FILE
        records = read(out) if step and self.path.is_file() else []
        records = [record for record in records if record["step"] <= step]
        self.empty = not records
        text = "".join(map(_line, records))
        write_atomically(self.path, lambda file: file.write(text.encode()))
        self.board = _board(out / "tensorboard", step)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record; it has a `step`."""
        with self.path.open("a") as file:
            file.write(_line(record))
        if self.board is None:
            return
        for group in ("losses", "validation"):
            for name, value in record.get(group, {}).items():
                mean = value["mean"] if isinstance(value, dict) else value
                if isinstance(mean, float):
                    self.board.add_scalar(f"{group}/{name}", mean, record["step"])
        for name in ("samples_per_second", "peak_memory_gib"):
            if name in record:
                self.board.add_scalar(name, record[name], record["step"])
        self.board.flush()

    def close(self) -> None:
        if self.board is not None:
            self.board.close()


def read(out: Path) -> list[dict[str, Any]]:
    """The records of a run's log; a last line that was cut short is left out."""
    path = out / FILE
    if not path.is_file():
        raise TrainingError(f"{out}: no {FILE} in it; expected the --out folder of lsbench train")
    lines = path.read_text().splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            if number < len(lines):
                raise TrainingError(
                    f"{path}: line {number} is no JSON: {error}. Move the file away: --resume automatic needs none"
                ) from error
    return records


def has_tensorboard() -> bool:
    """Whether the extra `train` is installed."""
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        return False
    return True


def _board(folder: Path, step: int) -> Any:
    if not has_tensorboard():
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(_plain(record), allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Floats as strict JSON can hold them."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return encode(value) if isinstance(value, float) else value
