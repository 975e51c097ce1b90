"""What scoring would compare of a video and its reference, and which options would help, before it is done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lsbench.errors import LsbenchError
from lsbench.media.expected import Unlike
from lsbench.media.files import read_film
from lsbench.media.film import Film
from lsbench.protocol.context import Context
from lsbench.protocol.protocol import AD_HOC
from lsbench.run.pairing import Job, lined_up

DUBBED = "where it says other words than its reference, --task dubbing compares neither length nor sound with it"
_OPTION = re.compile(r"--(fit|rate|align|sound) (\w+)")  # as errors name what would help
MOST_TRIES = 8


@dataclass(frozen=True)
class Prospect:
    """What scoring would do with one clip.

    Attributes:
        clip_id: of the reference.
        generated: the video; None where there is none.
        faults: why it cannot be compared as asked, each as scoring would say it.
        options: what would help, such as `--fit resize`, in the order in which they are needed; none where it can be
            compared as asked, and where nothing helps.
        frames: that would be compared, with the options; None where nothing helps.
        reference_frames: that the reference has, where it is compared with; 0 where there is no truth.
        notes: what would be said of the comparison.
    """

    clip_id: str
    generated: Path | None
    faults: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    frames: int | None = None
    reference_frames: int = 0
    notes: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether it can be compared as asked."""
        return not self.faults


def prospect(context: Context, job: Job, reference: Film, generated: Film) -> Prospect:
    """Line up a video with its reference as scoring does; where that fails, with the options that the error names.

    Args:
        context: of the scoring that is asked for.
        job: the clip.
        reference, generated: both films, whether they have sound or not.
    """
    faults: list[str] = []
    options: dict[str, str] = {}
    while len(faults) < MOST_TRIES:
        try:
            _demand_sound(context, job, reference, generated)
            films = lined_up(context, (), job, context.rules.shown(reference), generated)
        except LsbenchError as error:
            faults.append(str(error))
            named = [(name, value) for name, value in _OPTION.findall(str(error)) if options.get(name) != value]
            if not named:
                break
            name, value = named[0]
            options[name] = value
            context = replace(context, **_changed(context, name, value))
            continue
        flags = tuple(f"--{name} {value}" for name, value in options.items())
        notes = (*films.notes, DUBBED) if {"align", "sound"} & options.keys() else tuple(films.notes)
        truth = len(reference) if context.rules.has_truth else 0
        return Prospect(job.reference.id, job.generated, tuple(faults), flags, len(films), truth, notes)
    return Prospect(job.reference.id, job.generated, tuple(faults))


@contextmanager
def all_options(context: Context, job: Job) -> Iterator[None]:
    """Within it, an error that names an option names all that are needed, where that one alone is not enough.

    Both videos are read once more for that. Protocols that allow none of them say so themselves.
    """
    try:
        yield
    except Unlike:  # reading it again is what is spared
        raise
    except LsbenchError as error:
        options = _needed(context, job) if _OPTION.search(str(error)) else ()
        if len(options) < 2:
            raise
        raise type(error)(f"{error}. All that is needed at once: {' '.join(options)}") from error


def _needed(context: Context, job: Job) -> tuple[str, ...]:
    """The options with which a clip can be compared; none where nobody knows."""
    rules = context.rules
    if rules.name != AD_HOC or rules.task == "alone":
        return ()
    try:
        reference = context.film(job.reference, "optional")
        generated = read_film(
            job.generated,
            job.reference.id,
            sound="optional",
            sample_rate=rules.sample_rate,
            folder_fps=reference.fps,
        )
        return prospect(context, job, reference, generated).options
    except LsbenchError:
        return ()


def _changed(context: Context, name: str, value: str) -> dict[str, Any]:
    """The field of a context that an option sets."""
    rule: dict[str, Any] = {name: value}
    return rule if name == "sound" else {"rules": replace(context.rules, **rule)}


def _demand_sound(context: Context, job: Job, reference: Film, generated: Film) -> None:
    """Read a film that has no sound again as scoring reads it; MediaError where it must have some."""
    if context.rules.is_silent:
        return
    if not len(generated.speech):
        read_film(job.generated, job.reference.id, sound=context.sound, folder_fps=reference.fps)
    if not len(reference.speech) and context.rules.task != "dubbing":
        context.film(job.reference)
