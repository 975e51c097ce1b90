"""An audit in the terminal: the table at a glance, and the words."""

from __future__ import annotations

import string

from rich import box
from rich.console import Console
from rich.table import Table

from lsbench.auditing.artifacts.artifact import GROUPS
from lsbench.auditing.findings import GRADES, Audit
from lsbench.report.audit.text import reliability
from lsbench.report.audit.words import conditions, not_measured, paragraph
from lsbench.report.text.console import show_table, words

COLOURS = {"good": "bold green", "drowned": "green", "weak": "yellow", "blind": "dim", "fooled": "bold red"}
LETTERS = [*string.ascii_lowercase, *(f"{letter}{letter}" for letter in string.ascii_lowercase)]


def show_audit(audit: Audit, out: Console) -> None:
    """Print artifacts by scores, what each score is worth, and the verdict in words; narrow enough for 80 columns."""
    letters = dict(zip(audit.keys, LETTERS, strict=False))
    room = max(1, (out.width - 44) // 3)
    for start in range(0, len(audit.keys), room):
        out.print(_table(audit, audit.keys[start : start + room], letters))
    named = "  ".join(f"{letter} {key}" for key, letter in letters.items())
    out.print(words(named))
    out.print(words(conditions(audit)))
    out.print(words(f"Clips: {len(audit.clips)}; {audit.units}."))
    show_table(["notices", "score", "false alarms", "orders", "monotone"], reliability(audit), out)
    for line in not_measured(audit):
        out.print(words(f"· {line}"))
    for sentence in paragraph(audit):
        out.print(words(sentence))


def _table(audit: Audit, keys: tuple[str, ...], letters: dict[str, str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("artifact", no_wrap=True)
    table.add_column("at", justify="right", no_wrap=True)
    for key in keys:
        table.add_column(letters[key], justify="center", no_wrap=True)
    group = ""
    for each in audit.artifacts:
        if each.group != group:
            group = each.group
            table.add_row(words(GROUPS[each.group], style="italic"))
        cells = [audit.grade(each.name, key) for key in keys]
        harmless = "" if each in audit.faults else " (harmless)"
        table.add_row(
            f"{each.name}{harmless}",
            each.said(audit.strength(each.name)),
            *[words(GRADES[cell], style=COLOURS[cell]) for cell in cells],
        )
    return table
