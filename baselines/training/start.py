"""How a run begins: anew, or from its checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from baselines.training import checkpoint
from baselines.training.config import Config
from baselines.training.recipes import RECIPES
from lsbench.errors import TrainingError
from lsbench.system import strict_json
from lsbench.system.outputs import demand_folder


def configured(
    model: str,
    data: Path,
    out: Path,
    defaults: Iterable[str],
    settings: Iterable[str],
    resume: bool,
    processes: int,
) -> tuple[Config, dict[str, Any] | None]:
    """The configuration of a new run, or that of OUT's checkpoint and the checkpoint, with settings on top.

    defaults: settings of a new run that the others go before. Raises OutputError where OUT holds something else, or is
    where the data lie; TrainingError where checkpoint and settings do not fit.
    """
    demand_folder(out, "lsbench train", _is_training, [data])
    path, saved = out / checkpoint.FILE, None
    if not path.exists():
        config = Config.of(model, [*defaults, *settings])
    elif not resume:
        raise TrainingError(f"{path} is there already. Pass --resume automatic to go on with it, or another --out")
    else:
        saved = checkpoint.read(path, whole=True)
        if saved["model"] != model:
            raise TrainingError(f"{path}: checkpoint of {saved['model']}; asked for {model}. Pass another --out")
        config = Config.from_dict(saved["config"]).with_settings(settings)
    if config.batch % (processes * config.accumulate):
        raise TrainingError(
            f"training setting batch={config.batch} cannot be shared by {processes} processes in {config.accumulate} "
            "parts each; pass a multiple"
        )
    return config, saved


def _is_training(out: Path) -> bool:
    """Whether a run was begun in a folder: it has a checkpoint, or was killed before its first one."""
    try:
        return (out / checkpoint.FILE).is_file() or strict_json.read(out / "config.json").get("model") in RECIPES
    except (OSError, ValueError):
        return False
