"""The page that raters open: what it knows, and its one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lsbench import __version__
from lsbench.mos.key import COLUMNS
from lsbench.mos.make.study import SCALE, Study
from lsbench.mos.make.videos import FILE_TIME
from lsbench.report.page.render import render, source

MARK = '<meta name="generator" content="lsbench mos">'
TONE_MS, GAP_MS = 1000, 500  # of the headphone check, Woods et al. 2017
SCRIPTS = ("order.js", "tones.js", "keep.js", "film.js", "trial.js", "steps.js")


def write_page(path: Path, study: Study) -> None:
    """Write the page of a study, one file with its styles and scripts in it; the videos lie beside it in media/."""
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
    os.utime(path, (FILE_TIME, FILE_TIME))


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
