"""What a run leaves in its folder: configuration, log, sample sheets and checkpoint. Only the first process writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines.training import checkpoint
from baselines.training.data import TrainingData
from baselines.training.log import Log
from baselines.training.losses import Losses
from baselines.training.pace import Pace
from baselines.training.sheet import write_sheet
from baselines.training.state import State
from baselines.training.validation import Samples, generate, means, trivial_answers
from lsbench.errors import TrainingError
from lsbench.system.cache import write_atomically


@dataclass
class Records:
    """The folder of one run. kept: the step that its checkpoint holds."""

    out: Path
    state: State
    data: TrainingData
    samples: Samples
    kept: int = 0

    def __post_init__(self) -> None:
        self.log: Log | None = None

    def __str__(self) -> str:
        whole = f"{self.out / checkpoint.FILE} is whole"
        return f"{whole} and holds step {self.kept}" if self.log else whole

    @property
    def intervals(self) -> tuple[int, int, int]:
        """Steps between two entries of the log, two sheets and two checkpoints."""
        config = self.state.config
        return config.log_every, config.sheet_every, config.checkpoint_every

    def begin(self) -> None:
        """Open the log; where it is empty, it begins with what trivial answers and the generator score at this step.

        A new run writes its first checkpoint, too, so that a folder that cannot be written, or a full disk, shows
        before step 0.
        """
        state, self.kept = self.state, self.state.step
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            write_atomically(self.out / "config.json", lambda file: file.write(state.config.to_json().encode()))
            self.log = log = Log(self.out, state.step)
        except OSError as error:
            why = error.strerror or error
            raise TrainingError(f"{self.out}: cannot be written: {why}. Pass another --out") from error
        if log.empty:
            answers = trivial_answers(self.samples, self.data.train)
            trivial = {name: means(self.samples.score(faces)) for name, faces in answers.items()}
            validation = means(self.samples.score(generate(state.best, self.samples.batch)))
            note = {"note": f"resumed at step {state.step} without the log of the steps before"} if state.step else {}
            log.write({"step": state.step, **note, "trivial": trivial, "validation": validation})
        if not state.step:
            self.save()

    def after_step(self, losses: Losses, pace: Pace, stopped: bool) -> None:
        """Log, draw and save what is due."""
        config = self.state.config
        if self.log and self.state.due(config.log_every):
            self.log.write(self.measured(losses, pace))
            pace.restart()
        if self.state.due(config.sheet_every):
            sheet = self.out / "sheets" / f"{self.state.step:08d}.png"
            write_sheet(sheet, self.samples, generate(self.state.best, self.samples.batch))
        if self.state.due(config.checkpoint_every) or stopped:
            self.save()

    def measured(self, losses: Losses, pace: Pace) -> dict[str, Any]:
        """Losses and pace since the last entry, and how good the fixed validation samples are now, one by one."""
        rate = pace.samples_per_second()
        scores = self.samples.score(generate(self.state.best, self.samples.batch))
        return {
            "step": self.state.step,
            "samples_per_second": rate,
            "peak_memory_gib": pace.peak_memory_gib(),
            "losses": losses.summary(),
            "validation": means(scores),
            "frames": {key: [round(float(value), 5) for value in values] for key, values in scores.items()},
        }

    def close(self) -> None:
        if self.log:
            self.log.close()

    def save(self) -> None:
        """Write the checkpoint."""
        checkpoint.write(self.out / checkpoint.FILE, self.state.to_dict(self.data.digest))
        self.kept = self.state.step
