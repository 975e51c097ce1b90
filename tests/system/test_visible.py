"""Texts of others are shown and not obeyed, in every format."""

from __future__ import annotations

import ast
import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lsbench.cli.common import Above
from lsbench.errors import of_system
from lsbench.report.page import render as pages
from lsbench.report.text import latex, markdown, tables
from lsbench.report.text.console import words
from lsbench.system import strict_json
from lsbench.system.cache import write_atomically
from lsbench.system.visible import in_cell, visible

ROOT = Path(__file__).parents[2]
EVIL = "\x1b[2J\x9b31m\u202egpj.exe\u2066\x07\r\n\x00"
OBEYED = set(EVIL) - set("[2Jgpj.exe31m")


def test_what_would_be_obeyed_is_spelled_out() -> None:
    assert visible(EVIL) == r"\x1b[2J\x9b31m\u202egpj.exe\u2066\x07\r\n\x00"
    assert visible("Zoë, 日本, e\u0301, 👩\u200d👧") == "Zoë, 日本, e\u0301, 👩\u200d👧"
    assert visible("a\nb", "\n") == "a\nb"


@pytest.mark.parametrize("style", ["csv", "json", "markdown", "latex"])
def test_every_format_of_a_table_shows_it(style: str) -> None:
    said = tables.render(style, ["name", EVIL], [[EVIL, 1.0]])
    assert not OBEYED & set(said) - {"\n"}
    assert "202e" in said


def test_the_terminal_shows_it() -> None:
    assert not OBEYED & set(words(EVIL).plain) - {"\n"}


def test_a_page_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "source", lambda *_: "<p>{{ name }}</p><script>{{ data | tojson }}</script>")
    pages.render(tmp_path / "a.html", "a.html", mark="", style="", script="", name=EVIL, data={EVIL: [EVIL]})
    page = (tmp_path / "a.html").read_bytes().decode()
    assert not OBEYED & set(page) - {"\n"}
    assert page.count("u202e") == 3


def test_json_holds_the_same_text() -> None:
    document = strict_json.text({EVIL: [EVIL]})
    assert not OBEYED & set(document) - {"\n"}
    assert json.loads(document) == {EVIL: [EVIL]}


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", " =1", "=cmd"])
def test_a_spreadsheet_takes_no_name_for_a_formula(name: str) -> None:
    assert in_cell(name) == f"'{name}"
    (header, row) = csv.reader(io.StringIO(tables.render("csv", ["generator", name], [[name, -1.5]])))
    assert (header[1], row) == (f"'{name}", [f"'{name}", "-1.5"])
    assert in_cell("a=b") == "a=b"


def test_markdown_and_latex_set_it_as_it_is() -> None:
    assert markdown.escape("a|b`c`<script>&lt;[x](y)*_~~$1$") == (r"a\|b\`c\`\<script\>\&lt;\[x\](y)\*\_\~\~\$1\$")
    assert latex.escape(r"\input{x}[4pt]*%$&`") == (r"\textbackslash{}input\{x\}{[}4pt{]}{*}\%\$\&\textasciigrave{}")


def test_texts_reach_the_terminal_by_one_door() -> None:
    """Only console.py and the marked cells of a board make rich's texts, only common.py calls click.echo."""
    for path in (*(ROOT / "lsbench/report").rglob("*.py"), *(ROOT / "lsbench/cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called != "Text" or path.name == "console.py", path
                assert called != "click.echo" or path.name in ("common.py", "streams.py"), path


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "0", "1e999", "x"])
@pytest.mark.parametrize(
    "command",
    [
        ["score", "x", "--reference", "y", "--timeout"],
        ["score", "x", "--reference", "y", "--segment"],
        ["generate", "x", "--reference", "y", "--out", "z", "--timeout"],
        ["leaderboard", "x", "--difference"],
        ["report", "x", "--out", "y", "--difference"],
        ["mos", "read", "x", "--key", "y", "--difference"],
    ],
    ids=lambda command: " ".join((*command[:1], command[-1])),
)
def test_a_number_that_is_none_is_a_usage_error(command: list[str], value: str) -> None:
    from lsbench.cli.main import main

    done = CliRunner().invoke(main, [*command, value])
    assert done.exit_code == 2, done.output
    assert command[-1] in done.output


def test_a_number_above_zero_is_taken() -> None:
    assert Above().convert("0.5", None, None) == 0.5


def test_what_the_system_refuses_is_named_by_the_file_that_was_to_be(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 300)
    with pytest.raises(OSError, match="too long") as caught:
        write_atomically(long / "y", lambda _: None)
    assert "Errno" not in of_system(caught.value) and "shorter name" in of_system(caught.value)

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space") as caught:
        write_atomically(tmp_path / "a.json", full)
    said = of_system(caught.value)
    assert said.startswith(f"{tmp_path / 'a.json'}: ") and ".tmp" not in said and "free some room" in said
    assert of_system(OSError(28, "No space left on device")).startswith("a file of lsbench's own")
