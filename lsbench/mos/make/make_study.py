"""A study made: the folder that goes to raters, with nothing in it that names what they see, and the key beside it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lsbench.errors import StudyError
from lsbench.mos.key import write_key
from lsbench.mos.make.page import MARK, write_page
from lsbench.mos.make.runs import StudyRuns
from lsbench.mos.make.study import Study, StudyOptions, demand_same, plan_study, secret_of
from lsbench.mos.make.videos import FILE_TIME, VideoJob, make_video
from lsbench.system import pool
from lsbench.system.outputs import demand_file, demand_folder
from lsbench.system.pool import Progress

VERB = "lsbench mos make"


@dataclass(frozen=True)
class MadeStudy:
    """What was made: the study, its page and its key."""

    study: Study
    page: Path
    key: Path


def beside(out: Path) -> Path:
    """Where the key of a study goes where nothing else is asked for: beside its folder, never in it."""
    return out.with_name(f"{out.name}-key.json")


def make_study(
    runs: Sequence[Path],
    out: Path,
    options: StudyOptions | None = None,
    *,
    key: Path | None = None,
    reference: Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> MadeStudy:
    """Write a study for raters: OUT/index.html with its videos, and the key beside OUT.

    The same call makes the same bytes again as long as its key is there; without it, a new secret makes new ids.

    Args:
        runs: Folders of complete runs of one protocol.
        out: The folder that goes to raters; new, empty, or of this very study.
        options: What is asked of raters; a study by acr of about 20 minutes if not given.
        key: Where the key goes, outside of `out`; `beside(out)` if not given.
        reference: Folder of the real clips, where they are no longer where the runs found them.
        workers: Processes that make videos.
        progress: Told of every video that is made.

    Returns:
        The study, its page and its key.

    Raises:
        OutputError: Something else lies in `out`, or it or the key is something that is read, or would lie in it.
        StudyError: `out` or the key are another study's, or a video is not there or unfit; nothing of `out` is
            written then.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100 (links stay as they are)
    key = Path(os.path.abspath(key or beside(out)))  # noqa: PTH100
    _demand_places(out, key)
    study_runs = StudyRuns(runs, reference)
    study = plan_study(study_runs, options or StudyOptions(), secret_of(key))
    inputs = [*study_runs.inputs, *([reference] if reference else [])]
    demand_same(key, study.key)
    demand_file(key, VERB, lambda _: True, inputs, "--key")
    _demand_own(out, study, inputs)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise StudyError(f"{out.parent}: no folder can be made in it ({error}); pass another --out") from error
    try:
        _make_videos(study, partial / "media", workers, progress or (lambda *_: None))
        write_page(partial / "index.html", study)
        write_key(key, study.key)
        _publish(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return MadeStudy(study, out / "index.html", key)


def _make_videos(study: Study, media: Path, workers: int, progress: Progress) -> None:
    """Write every video under its id, in the order of ids, which is no order of anything else."""
    jobs = [VideoJob(video, media / f"{name}.mp4") for name, video in sorted(study.videos.items())]
    first: dict[str, tuple[str, tuple[int, int]]] = {}
    sizes = pool.each(make_video, jobs, workers, progress=progress, label="videos")
    for job, own_size in zip(jobs, sizes, strict=True):
        name, size = first.setdefault(job.video.clip, (job.video.generator, own_size))
        if own_size != size:
            (height, width), (high, wide) = own_size, size
            raise StudyError(
                f"clip {job.video.clip}: {job.video.generator} is {width}x{height}, {name} is {wide}x{high}; raters "
                "would know them by it. Render them in one size"
            )


def _publish(partial: Path, out: Path) -> None:
    """Put the finished folder in its place, the page last; what else lies in OUT stays."""
    try:
        (out / "media").mkdir(parents=True, exist_ok=True)
        for path in sorted((partial / "media").iterdir()):
            path.replace(out / "media" / path.name)
        (partial / "index.html").replace(out / "index.html")
        for folder in (out / "media", out):
            os.utime(folder, (FILE_TIME, FILE_TIME))
    except OSError as error:
        raise StudyError(
            f"{out}: cannot be written ({error}); give the command again, or pass another --out"
        ) from error


def _demand_places(out: Path, key: Path) -> None:
    """StudyError where the key would go to raters, or would be no file."""
    if key == out or key.resolve().is_relative_to(out.resolve()):
        raise StudyError(f"the key {key} would lie in {out}, which goes to raters; pass a --key outside it")
    if key.is_dir():
        raise StudyError(f"{key} is a folder; expected a file for --key")


def _demand_own(out: Path, study: Study, inputs: Sequence[Path]) -> None:
    """Raise where the folder is not this study's to write into, or its name would tell raters a generator."""
    told = [run.name for run in study.key.runs if len(run.name) > 2 and run.name.casefold() in out.name.casefold()]
    if told:
        raise StudyError(
            f"{out}: raters see the folder's name, and it names generator {told[0]}; nothing was written. "
            "Pass another --out"
        )
    index = out / "index.html"
    if index.exists():
        text = index.read_text(encoding="utf-8", errors="replace")
        if MARK not in text[:2000]:
            raise StudyError(f"{index} is not a page of lsbench mos; nothing was written. Pass another --out")
        if json.dumps(study.key.study) not in text:
            raise StudyError(
                f"{index} is the page of another study, or its key is gone; ratings of it would be lost. Pass another "
                "--out, or the --key that it was made with"
            )
    demand_folder(out, VERB, lambda _: index.exists() or not _foreign(out, study), inputs)


def _foreign(out: Path, study: Study) -> bool:
    """Whether a folder without a page holds more than what a killed attempt at this study left."""
    own = {out / "media", *(out / "media" / f"{name}.mp4" for name in study.videos)}
    return not own.issuperset(out.rglob("*"))
