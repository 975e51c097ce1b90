"""The scores of one run in the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from lsbench.metrics._base.score_key import ScoreKey
from lsbench.report.text.console import console, show_table, words
from lsbench.report.text.remarks import notes
from lsbench.run.result import Result


def show_result(result: Result) -> None:
    """Print the scores of one run, regions side by side; on stderr what must be read with them.

    Where not all frames were compared the share that was stands beside every score.
    """
    parts = {key: ScoreKey.parse(key) for key in result.scores}
    measured = {part.region for part in parts.values()}
    regions = [region for region in ("whole", "mouth", "face", "") if region in measured]
    rows = []
    share = [f"{result.share:.1%}"] if result.share < 1 else []
    for metric in dict.fromkeys(part.spec for part in parts.values()):
        values = {part.region: result.scores[key].text for key, part in parts.items() if part.spec == metric}
        rows.append([metric, *[values.get(region, "") for region in regions], *share])
    show_table(["metric", *[region or "value" for region in regions], *["of the frames" for _ in share]], rows)
    state = "complete" if result.complete else "INCOMPLETE"
    _lines(console(), [f"{result.name}: {result.clips} of {result.expected} clips, {state}; kept in {result.path}"])
    left = notes(result)
    left += [f"not scored: {' '.join(why.split())}" for why in result.failed.values()]
    left += [f"left out, no such clip: {', '.join(result.extra)}"] if result.extra else []
    _lines(console(stderr=True), left)


def show_pace(result: Result) -> None:
    """Say on stderr how fast the run was measured, where anything was."""
    _lines(console(stderr=True), [str(result.pace)] if result.pace else [])


def _lines(out: Console, lines: Iterable[str]) -> None:
    """One line a text, never wrapped."""
    for line in lines:
        out.print(words(line), soft_wrap=True)
