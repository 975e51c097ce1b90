"""`lsbench mos`: human ratings as a blinded study. `make` writes what raters open, `read` what they said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lsbench.cli.common import Above, Commands, examples, say

if TYPE_CHECKING:
    from lsbench.board.people import StudyResult
    from lsbench.mos.key import StudyKey

path_option = click.Path(path_type=Path)
LONG = 30  # minutes of a session that raters bear without a long break, ITU-T P.910


@click.group(name="mos", cls=Commands)
def mos_group() -> None:
    """Ask people: a blinded study of clips that opens from disk."""


@mos_group.command(
    epilog=examples(
        "lsbench mos make runs/* --out study",
        "lsbench mos make runs/one runs/two --out study --method pairs --seed 7",
        "lsbench mos make runs/* --out study --clips 40 --per-rater 60",
    )
)
@click.argument("runs", nargs=-1, required=True, type=path_option, metavar="RUN...")
@click.option("--out", required=True, type=path_option, metavar="DIR", help="Folder for the page; it goes to raters.")
@click.option("--key", type=path_option, metavar="FILE", help="What tells the items; DIR-key.json if not given.")
@click.option(
    "--method",
    type=click.Choice(["acr", "pairs"]),
    default="acr",
    show_default=True,
    help="Rate one video from 1 to 5 (ITU-T P.910), or choose between two.",
)
@click.option("--clips", type=click.IntRange(1), metavar="N", help="Clips; as fit 20 minutes if not given.")
@click.option("--repeats", type=click.IntRange(0), metavar="N", help="Items shown twice; a tenth, at least 3.")
@click.option("--per-rater", type=click.IntRange(1), metavar="N", help="Items of each rater, a balanced share of all.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides clips and orders.")
@click.option(
    "--reference", type=path_option, metavar="DIR", help="The real clips, where they are not where they were."
)
@click.option("--workers", type=click.IntRange(1), help="Processes; one per core if not given.")
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def make(
    runs: tuple[Path, ...],
    out: Path,
    key: Path | None,
    method: str,
    clips: int | None,
    repeats: int | None,
    per_rater: int | None,
    seed: int,
    reference: Path | None,
    workers: int | None,
    quiet: bool,
) -> None:
    """Write a study for raters, OUT/index.html, that opens from disk without server or network.

    Raters check their sound and headphones, practise, and rate sync, mouth and the whole of every item, the real clips
    hidden among them, some items twice, in an order of their own; the page gives them a file of ratings. Nothing in
    DIR tells which generator made what: that is in the key, which stays with you. The same command makes the same
    study again as long as its key is there.
    """
    from lsbench.cli.progress import progress_bar
    from lsbench.mos.make.make_study import make_study
    from lsbench.mos.make.study import StudyOptions
    from lsbench.system import pool

    with progress_bar(quiet) as progress:
        made = make_study(
            list(runs),
            out,
            StudyOptions(method, clips, repeats, seed, per_rater),
            key=key,
            reference=reference,
            workers=workers or pool.cores(),
            progress=progress,
        )
    study = made.study
    shown = f"{study.shown} of {len(study.trials)}" if study.shares else f"{study.shown}"
    what, count = ("pairs" if method == "pairs" else "items"), len({item.clip for item in study.key.items.values()})
    say(
        f"Study {study.key.study}: {len(study.trials)} {what} of {count} clips "
        f"and {len(study.key.runs)} generators beside the real clips."
    )
    say(f"Each rater sees {shown}, {study.key.repeats} of them twice: about {study.minutes} minutes with all checks.")
    if study.minutes > LONG:
        say(f"Beyond {LONG} minutes raters tire: pass fewer --clips, or --per-rater.", err=True)
    say(f"Page: {made.page}\nKey:  {made.key}")
    say(f"Give raters the folder {made.page.parent} alone; the key tells what they see.")


@mos_group.command(
    epilog=examples(
        "lsbench mos read ratings-*.csv --key study-key.json",
        "lsbench mos read ratings-*.csv --key study-key.json --run runs/a --run runs/b --out mos.json",
        "lsbench mos read all.csv --key study-key.json --difference 0.3 --question sync",
        "lsbench leaderboard runs/* --mos mos.json --rank-by mos/overall",
    )
)
@click.argument("files", nargs=-1, required=True, type=path_option, metavar="CSV...")
@click.option("--key", "key_path", required=True, type=path_option, metavar="FILE", help="The study's key.")
@click.option(
    "--run",
    "runs",
    multiple=True,
    type=path_option,
    metavar="RUN",
    help="A run whose metrics are held against people; the key's own, where they are, if not given. Repeatable.",
)
@click.option("--question", metavar="ID", default="overall", show_default=True, help="Whose table of metrics is shown.")
@click.option("--out", type=path_option, metavar="FILE.json", help="Keep the result, for leaderboard and report --mos.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json", "markdown", "csv"]),
    default="table",
    show_default=True,
    help="csv: the generators' scores; json: everything, as --out.",
)
@click.option("--difference", type=Above(), help="Say how many raters this difference takes.")
@click.option("--keep-all", is_flag=True, help="Leave no rater out; the reasons are still given.")
@click.option("--strict", is_flag=True, help="Leave out by ITU-T P.910's thresholds alone.")
@click.option("--require-headphones", is_flag=True, help="Leave out who fails the headphone check, instead of a note.")
def read(
    files: tuple[Path, ...],
    key_path: Path,
    runs: tuple[Path, ...],
    question: str,
    out: Path | None,
    style: str,
    difference: float | None,
    keep_all: bool,
    strict: bool,
    require_headphones: bool,
) -> None:
    """Read the ratings of a study: mean opinion scores with intervals, and which metric agrees with people.

    CSV are the files that raters saved, one or many raters each. Raters who answered no better than at random are left
    out, each with the reason; a rater who is noisy but better than chance stays. Intervals hold for other raters and
    other clips. Studies by pairs give Bradley-Terry scores.
    """
    from lsbench import registry
    from lsbench.board.people import demand_place, to_json, write_study_result
    from lsbench.errors import StudyError
    from lsbench.mos.key import read_key
    from lsbench.mos.read.ratings import read_ratings
    from lsbench.mos.read.read_study import read_study

    key = read_key(key_path)
    ids = [asked.id for asked in key.questions]
    if question not in ids:
        raise StudyError(registry.unknown("question", question, ids))
    found_runs, why = _runs(runs, key, key_path)
    if out is not None:
        demand_place(out, [*files, key_path, *found_runs])
    study = read_study(
        read_ratings(files, key),
        key,
        runs=found_runs,
        keep_all=keep_all,
        strict=strict,
        require_headphones=require_headphones,
        difference=difference,
    )
    if why:
        say(f"metrics are not compared with people: {why}", err=True)
    if out is not None:
        write_study_result(out, study)
    if style == "json":
        say(to_json(study), nl=False)
    elif style == "csv":
        from lsbench.report.text import people, tables

        say(tables.render("csv", *people.score_cells(study)), nl=False)
    elif style == "markdown":
        say(_markdown(study, question), nl=False)
    else:
        _show(study, question)


def _runs(asked: tuple[Path, ...], key: StudyKey, key_path: Path) -> tuple[list[Path], str]:
    """The runs to compare, or none and why: those asked for, else the key's, from here or from the key's folder."""
    if asked:
        return list(asked), ""
    found, missing = [], []
    for run in key.runs:
        places = [Path(run.path), key_path.parent / run.path]
        at = next((place for place in places if (place / "run.json").exists()), None)
        if at is None:
            missing.append(run)
        else:
            found.append(at)
    if missing:
        gone = ", ".join(f"{run.name} ({run.path})" for run in missing)
        return [], f"the key's runs are not where they were: {gone}; pass --run RUN for each"
    return found, ""


def _show(study: StudyResult, question: str) -> None:
    from lsbench.report.text import people
    from lsbench.report.text.console import show_table

    say(f"Study {study.study}, {study.method}, protocol {study.protocol['name']}")
    say(f"{study.kept} of {len(study.raters)} raters kept")
    show_table(people.rater_header(study), people.rater_lines(study))
    for asked in study.questions:
        say(f"{asked.id}: {asked.text}")
        show_table(people.SCORE_HEADER, people.score_lines(asked))
    for line in _said(study):
        say(f"· {line}")
    for asked in study.questions:
        if asked.id == question and asked.metrics:
            say(f"\nWhich metric agrees with people, {asked.id}. {people.CAPTION}")
            show_table(people.METRIC_HEADER, people.metric_lines(asked))


def _said(study: StudyResult) -> list[str]:
    from lsbench.report.text import people
    from lsbench.report.text.remarks import best_metric

    lines = [*study.notes, "who shares a letter cannot be told apart (5 %, Holm)"]
    lines += [people.agreement_line(asked) for asked in study.questions]
    for asked in study.questions:
        lines += [*people.power_lines(study, asked), *best_metric(asked)]
    return lines


def _markdown(study: StudyResult, question: str) -> str:
    from lsbench.report.text import people
    from lsbench.report.text.markdown import escape, markdown_table

    parts = [f"Study {study.study}, {study.method}: {study.kept} of {len(study.raters)} raters kept\n"]
    parts.append(markdown_table(people.rater_header(study), people.rater_lines(study)))
    for asked in study.questions:
        parts += [f"{escape(asked.id)}: {escape(asked.text)}\n"]
        parts += [markdown_table(people.SCORE_HEADER, people.score_lines(asked))]
    parts.append("".join(f"- {escape(line)}\n" for line in _said(study)))
    for asked in study.questions:
        if asked.id == question and asked.metrics:
            parts += [f"{escape(people.CAPTION)}\n", markdown_table(people.METRIC_HEADER, people.metric_lines(asked))]
    return "\n".join(parts)
