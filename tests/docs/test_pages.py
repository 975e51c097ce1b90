"""README and the pages of docs/: links lead somewhere, and commands are commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from lsbench import registry
from lsbench.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BUILT = {"api.md", "cli.md"}  # pages whose headings are made when the site is built
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as MkDocs makes them, and those that it sets itself."""
    text = FENCE.sub("", page.read_text())
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}
    return slugs | set(re.findall(r'id="([\w-]+)"', text))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_file(), f"{name(page)}: {link}"
        if anchor and target.name not in BUILT:
            assert anchor in anchors(target), f"{name(page)}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_a_page_takes_over_are_there(page: Path) -> None:
    assert "8<" not in page.read_text() and "8 <" not in page.read_text()
    for file in re.findall(r"<!-- file (\S+) -->", page.read_text()):
        assert (ROOT / file).is_file(), file


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of every `lsbench` in the shell blocks of a page, and in the lines of a help's examples."""
    for line in text.replace("\\\n", " ").splitlines():
        words: list[str] = []
        for word in [*shlex.split(line, comments=True), ";"]:
            if word in ("&&", "|", ">", ";"):
                if "lsbench" in words[:1] or words[:1] == ["torchrun"] or words[1:3] == ["-m", "lsbench"]:
                    yield words[words.index("lsbench") + 1 :]
                words = []
            else:
                words.append(word)


def shown(page: Path) -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [arguments for block in blocks for arguments in commands(block)]


def parse(arguments: list[str]) -> None:
    """Raise click.UsageError where there is no such verb or option, or a value that an option does not take."""
    command: click.Command = main
    context = main.make_context("lsbench", list(arguments))
    rest = [*context._protected_args, *context.args]
    while isinstance(command, click.Group) and rest:
        verb, sub, rest = command.resolve_command(context, rest)
        assert sub is not None
        command, context = sub, sub.make_context(verb, rest, parent=context)
        rest = [*context._protected_args, *context.args]


@pytest.mark.parametrize("page", [page for page in PAGES if shown(page)], ids=name)
def test_commands_of_a_page_have_these_verbs_and_options(page: Path) -> None:
    for arguments in shown(page):
        try:
            parse(arguments)
        except click.UsageError as error:
            pytest.fail(f"{name(page)}: lsbench {shlex.join(arguments)}: {error.format_message()}")


def helps(command: click.Command = main) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for sub in command.commands.values():
            yield from helps(sub)


def test_commands_of_the_helps_have_these_verbs_and_options() -> None:
    examples = [line for command in helps() for line in commands((command.epilog or "").partition("Examples:")[2])]
    assert len(examples) > 30
    for arguments in examples:
        parse(arguments)


@pytest.mark.parametrize(
    "wrong",
    [["scroe", "x"], ["score", "x", "--metrics", "ssim"], ["score", "x", "--align", "loose"], ["audit", "leak"]],
)
def test_a_wrong_command_does_not_parse(wrong: list[str]) -> None:
    with pytest.raises(click.UsageError):
        parse(wrong)


def test_readme_is_one_screen_or_two_and_holds_the_two_commands() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 150
    for command in (
        "python -m pip install . && lsbench quickstart",
        'python -m pip install -e ".[dev]" && python -m pytest -n auto --dist loadfile',
    ):
        assert command in lines


def test_every_metric_has_a_place_in_the_pages() -> None:
    """What the table of metrics on the site links to."""
    anchored = set().union(*(anchors(page) for page in PAGES))
    assert set(registry.METRICS) <= anchored


def test_design_names_every_room() -> None:
    table = (ROOT / "docs" / "design.md").read_text().partition("| room |")[2].partition("\n\n")[0]
    rooms = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    inside = {path.stem for path in (ROOT / "lsbench").iterdir() if path.is_dir() or path.suffix == ".py"}
    assert set(rooms) == inside - {"__init__", "__main__", "__pycache__"}


def test_the_fences_and_links_are_seen() -> None:
    """The patterns of this file see what they look for."""
    assert len(LINK.findall((ROOT / "README.md").read_text())) > 15
    assert ["score", "x", "--reference", "y"] in list(commands("torchrun -m lsbench score x \\\n  --reference y  # z"))
    assert list(commands("a | lsbench metrics && lsbench report runs/* > x")) == [["metrics"], ["report", "runs/*"]]
