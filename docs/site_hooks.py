"""What the site takes from the repository while it is built: tables of metrics, files, helps and docstrings.

Formulas become MathML, which browsers draw without a script. Called by MkDocs (`hooks` in mkdocs.yml) and by griffe,
which reads docstrings for it (`extensions` there).
"""

from __future__ import annotations

import html
import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import griffe
from latex2mathml.converter import convert

from lsbench import registry
from lsbench.cli.main import main

DOCS = Path(__file__).parent
KEPT = "\b"  # click leaves the lines of a paragraph that begins so as they are
FILE = re.compile(r"<!-- file (\S+) -->")
SHARED = re.compile(r"^ {4}(\w+(?:, \w+)+): (.+(?:\n {8,}.+)*)", re.MULTILINE)
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_pre_build(**_: Any) -> None:
    """The helps of the command line as Markdown: paragraphs that are laid out stay so, and examples follow."""
    _set_helps(main)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page's Markdown with the tables of metrics, and with the files that it names, whose links then hold here."""
    for marker, table in (("<!-- table of metrics -->", metric_table), ("<!-- table of options -->", option_table)):
        if marker in markdown:
            markdown = markdown.replace(marker, table())
    return FILE.sub(lambda match: _text(DOCS.parent / match[1]), markdown)


def on_page_content(content: str, **_: Any) -> str:
    """The page's HTML with every formula as MathML."""
    return FORMULA.sub(_mathml, content)


def metric_table() -> str:
    """All registered metrics: what each asks, which way is better, regions, weights."""
    lines = ["| metric | asks | better | regions | needs |", "|---|---|---|---|---|"]
    for name, target in registry.METRICS.items():
        kind = registry.load(target)
        better = "best at 0" if (better := kind().better) == "zero" else better
        regions = ", ".join(region.value for region in kind.regions) or "its own"
        needed = [*kind.weights, *(["face_landmarker"] if kind.needs_landmarks else [])]
        needs = ", ".join([*needed, *([f"extra `{kind.extra}`"] if kind.extra else [])]) or "-"
        lines.append(f"| [`{name}`]({_page(name)}#{name}) | {kind.asks} | {better} | {regions} | {needs} |")
    return "\n".join(lines)


def option_table() -> str:
    """The options of all metrics that have some, at their defaults; an option of one choice is none."""
    lines = ["| metric | options and their defaults |", "|---|---|"]
    for name, target in registry.METRICS.items():
        metric = registry.load(target)()
        fixed = {option.name for option in fields(metric) if len(option.metadata.get("choices", "any")) == 1}
        options = [f"`{option}={value}`" for option, value in metric.options().items() if option not in fixed]
        if options:
            lines.append(f"| `{name}` | {' '.join(options)} |")
    return "\n".join(lines)


class SharedEntries(griffe.Extension):
    """An entry of a docstring for several names at once, `first, second: text`, is one for each of them on the site."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Spread the shared entries of one object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = SHARED.sub(_spread, obj.docstring.value)


def _spread(match: re.Match[str]) -> str:
    return "\n".join(f"    {name}: {match[2]}" for name in match[1].split(", "))


def _page(metric: str) -> str:
    """The page that describes a metric: the one with a heading or an anchor of its name."""
    place = re.compile(rf'^## {metric}$|id="{metric}"', re.MULTILINE)
    return next(page.name for page in sorted(DOCS.glob("*.md")) if place.search(page.read_text(encoding="utf-8")))


def _text(path: Path) -> str:
    """A Markdown file with its links as they hold in docs/; any other in a block of its own."""
    text = path.read_text(encoding="utf-8")
    return text.replace("](docs/", "](") if path.suffix == ".md" else f"```{path.suffix[1:]}\n{text}```"


def _set_helps(command: click.Command) -> None:
    """Set the help of a command and of those below it; a second build finds them set."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    laid_out = [f"```text{part.removeprefix(KEPT)}\n```" if part.startswith(KEPT) else part for part in paragraphs]
    examples = inspect.cleandoc((command.epilog or "").partition("Examples:")[2])
    command.short_help = paragraphs[0].replace("\n", " ")
    command.help = "\n\n".join(
        [part for part in laid_out if part != KEPT] + [f"```sh\n{examples}\n```"] * bool(examples)
    )
    command.epilog = None
    for sub in command.commands.values() if isinstance(command, click.Group) else ():
        _set_helps(sub)


def _mathml(match: re.Match[str]) -> str:
    display = "block" if match[2] == "[" else "inline"
    return str(convert(html.unescape(match[3]).strip(), display=display))
