"""The log of a run: a JSON line each interval, and TensorBoard where it is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lsbench.errors import TrainingError, reason
from lsbench.system import shape, strict_json
from lsbench.system.cache import write_atomically
from lsbench.system.small_files import read_small
from lsbench.system.strict_json import encode

FILE = "log.jsonl"
MOST_BYTES = 1 << 30
REMEDY = "Move the file away: --resume automatic needs none"


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


def _figure(value: Any, key: str) -> Any:
    """A number as the log holds it: NaN as null, the infinities as texts."""
    shape.encoded(value, key)
    return float(value) if isinstance(value, int) else value


def read(out: Path) -> list[dict[str, Any]]:
    """The records of a run's log, oldest first; a last line that was cut short is left out.

    Raises:
        TrainingError: There is no log, or one of its lines is no record.
    """
    path = out / FILE
    if not path.is_file():
        raise TrainingError(f"{out}: no {FILE} in it; expected the --out folder of lsbench train")
    try:
        lines = read_small(path, MOST_BYTES).splitlines()
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: cannot be read: {reason(error)}; {REMEDY}") from error
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(_RECORD(strict_json.parse(line), ""))
        except ValueError as error:
            if number < len(lines):
                raise TrainingError(f"{path}: line {number} is no record: {reason(error)}. {REMEDY}") from error
    return records


_FIGURES = shape.table(_figure)
_RECORD = shape.record(
    {"step": shape.whole()},
    {
        "note": shape.text,
        "trivial": shape.table(_FIGURES),
        "validation": _FIGURES,
        "samples_per_second": _figure,
        "peak_memory_gib": _figure,
        "losses": shape.table(shape.record({"mean": shape.number()}, dict.fromkeys(("low", "high"), shape.number()))),
        "frames": shape.table(shape.listed(_figure)),
    },
)


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
