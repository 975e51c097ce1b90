"""How a run begins: its configuration, and the signal that ends it early."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from baselines.training import checkpoint
from baselines.training.config import Config
from baselines.training.records import CHECKPOINT
from lsbench.errors import TrainingError


def configured(
    model: str, out: Path, defaults: Iterable[str], settings: Iterable[str], resume: bool, processes: int
) -> tuple[Config, dict[str, Any] | None]:
    """The configuration of a new run, or that of OUT's checkpoint and the checkpoint, with settings on top.

    defaults: settings of a new run that the others go before.
    """
    path, saved = out / CHECKPOINT, None
    if not path.exists():
        config = Config.of(model, [*defaults, *settings])
    elif not resume:
        raise TrainingError(f"{path} is there already. Pass --resume automatic to go on with it, or another --out")
    else:
        saved = checkpoint.read(path)
        if saved["model"] != model:
            raise TrainingError(f"{path}: checkpoint of {saved['model']}; asked for {model}. Pass another --out")
        config = Config.from_dict(saved["config"]).with_settings(settings)
    if config.batch % (processes * config.accumulate):
        raise TrainingError(
            f"training setting batch={config.batch} cannot be shared by {processes} processes in {config.accumulate} "
            "parts each; pass a multiple"
        )
    return config, saved


@contextmanager
def termination() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, so that a step ends before the run does; a second SIGINT interrupts."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
