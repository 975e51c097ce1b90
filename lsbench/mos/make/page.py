"""The folder that goes to raters: index.html and the videos, and nothing that names what they show."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsbench import __version__
from lsbench.errors import LsbenchError, StudyError
from lsbench.mos.key import COLUMNS, write_key
from lsbench.mos.make import videos
from lsbench.mos.make.sources import Sources
from lsbench.mos.make.study import SCALE, Study, Wishes, demand_same, plan, secret_of
from lsbench.report.page.render import render, source
from lsbench.system import pool
from lsbench.system.pool import Progress

MARK = '<meta name="generator" content="lsbench mos">'
TONE_MS, GAP_MS = 1000, 500  # of the headphone check, Woods et al. 2017
SCRIPTS = ("order.js", "tones.js", "keep.js", "film.js", "trial.js", "steps.js")


@dataclass(frozen=True)
class Made:
    """What was made: the study, its page and its key."""

    study: Study
    page: Path
    key: Path


def beside(out: Path) -> Path:
    """Where the key of a study goes if nothing else is wished: beside its folder, never in it."""
    return out.with_name(f"{out.name}-key.json")


def make_study(
    runs: Sequence[Path],
    out: Path,
    wishes: Wishes | None = None,
    *,
    key: Path | None = None,
    reference: Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Made:
    """Write OUT/index.html with its videos, and the key beside OUT.

    The same call makes the same bytes again as long as its key is there; without it, a new secret makes new ids.
    reference: folder of the real clips, where they are no longer where the runs found them. Raises StudyError where
    OUT or the key are not this study's, or a video is not there or unfit; nothing of OUT is written then.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100 (links stay as they are)
    key = Path(os.path.abspath(key or beside(out)))  # noqa: PTH100
    _demand_places(out, key)
    sources = Sources(runs, reference)
    study = plan(sources, wishes or Wishes(), secret_of(key))
    demand_same(key, study.key)
    _demand_own(out, study)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise StudyError(f"{out.parent}: no folder can be made in it ({error}); pass another --out") from error
    try:
        _make_videos(study, partial / "media", workers, progress or (lambda *_: None))
        _write_page(partial / "index.html", study)
        write_key(key, study.key)
        _publish(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Made(study, out / "index.html", key)


def page_data(study: Study) -> dict[str, Any]:
    """What the page knows: ids, and which of them are of one clip; no name of a clip, a run or a generator."""
    return {
        "study": study.key.study,
        "seed": study.key.seed,
        "method": study.key.method,
        "questions": [{"id": question.id, "text": question.text} for question in study.key.questions],
        "items": [
            {"id": name, "file": f"media/{name}.mp4", "group": group} for name, group in sorted(study.groups.items())
        ],
        "trials": [list(trial) for trial in study.trials],
        "shares": [list(share) for share in study.shares],
        "practice": [list(trial) for trial in study.practice],
        "repeats": study.key.repeats,
        "scale": list(SCALE),
        "columns": list(COLUMNS),
        "headphones": {"checks": study.key.checks, "tone_ms": TONE_MS, "gap_ms": GAP_MS},
    }


def _make_videos(study: Study, media: Path, workers: int, progress: Progress) -> None:
    """Write every video under its id, in the order of ids, which is no order of anything else."""
    jobs = [videos.Job(film, media / f"{name}.mp4") for name, film in sorted(study.videos.items())]
    first: dict[str, tuple[str, tuple[int, int]]] = {}
    for done, (job, outcome) in enumerate(pool.run(videos.make, jobs, workers), start=1):
        if isinstance(outcome, LsbenchError):
            raise outcome
        name, size = first.setdefault(job.video.clip, (job.video.generator, outcome))
        if outcome != size:
            (height, width), (high, wide) = outcome, size
            raise StudyError(
                f"clip {job.video.clip}: {job.video.generator} is {width}x{height}, {name} is {wide}x{high}; raters "
                "would know them by it. Render them in one size"
            )
        progress("videos", done, len(jobs))


def _write_page(path: Path, study: Study) -> None:
    render(
        path,
        "mos.html",
        package="lsbench.mos",
        mark=MARK,
        version=__version__,
        style=source("theme.css") + source("mos.css", "lsbench.mos"),
        script="".join(source(name, "lsbench.mos") for name in SCRIPTS),
        study=page_data(study),
        method=study.key.method,
        questions=study.key.questions,
        scale=SCALE,
        checks=study.key.checks,
        minutes=study.minutes,
        trials=study.shown + study.key.repeats,
    )
    os.utime(path, (videos.FILE_TIME, videos.FILE_TIME))


def _publish(partial: Path, out: Path) -> None:
    """Put the finished folder in its place, the page last; what else lies in OUT stays."""
    try:
        (out / "media").mkdir(parents=True, exist_ok=True)
        for path in sorted((partial / "media").iterdir()):
            path.replace(out / "media" / path.name)
        (partial / "index.html").replace(out / "index.html")
        for folder in (out / "media", out):
            os.utime(folder, (videos.FILE_TIME, videos.FILE_TIME))
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
    if out.exists() and not out.is_dir():
        raise StudyError(f"{out} is a file; expected a folder for the page. Pass another --out")


def _demand_own(out: Path, study: Study) -> None:
    """StudyError where the folder is not this study's to write into, or its name would tell raters a generator."""
    told = [run.name for run in study.key.runs if len(run.name) > 2 and run.name.casefold() in out.name.casefold()]
    if told:
        raise StudyError(f"{out}: raters see the folder's name, and it names generator {told[0]}; pass another --out")
    index = out / "index.html"
    if index.exists():
        text = index.read_text(encoding="utf-8", errors="replace")
        if MARK not in text[:2000]:
            raise StudyError(f"{index} is not a page of lsbench mos; pass another --out")
        if json.dumps(study.key.study) not in text:
            raise StudyError(
                f"{index} is the page of another study, or its key is gone; ratings of it would be lost. Pass another "
                "--out, or the --key that it was made with"
            )
    elif out.exists() and _foreign(out, study):
        raise StudyError(f"{out} holds other files; pass an --out that is empty or not there yet")


def _foreign(out: Path, study: Study) -> bool:
    """Whether a folder without a page holds more than what a killed attempt at this study left."""
    own = {out / "media", *(out / "media" / f"{name}.mp4" for name in study.videos)}
    return not own.issuperset(out.rglob("*"))
