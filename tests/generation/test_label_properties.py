"""The label of a generator is the name of a folder, whatever its spelling."""

from __future__ import annotations

import re
import shlex

from hypothesis import assume, given
from hypothesis import strategies as st

from lsbench.errors import GeneratorError
from lsbench.generation import source

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
LAUNCHERS = re.compile(r"(python|bash|sh|env)[\d.]*")  # not the program that is meant


def label(words: list[str]) -> str:
    """Of a program that Python runs with these words."""
    named = source.parse(f"cmd:python3 {shlex.join(words)} {{video}} {{audio}} {{output}}")
    assert isinstance(named, source.Source)
    return named.label


@given(st.lists(WORDS, min_size=1, max_size=3))
def test_a_label_names_a_folder_that_is_not_hidden(words: list[str]) -> None:
    try:
        text = label(words)
    except GeneratorError:  # a word that is nearly a placeholder
        assume(False)
    assert re.fullmatch(r"\w([\w.-]*\w)?", text)


@given(st.from_regex(r"[a-z0-9_]([\w-]{0,11}\w)?", fullmatch=True))
def test_the_label_of_a_program_is_its_name(name: str) -> None:
    assume(not LAUNCHERS.fullmatch(name))
    assert label([f"tools/{name}.py"]) == label([name]) == name


@given(WORDS)
def test_a_label_is_its_own_label(word: str) -> None:
    once = label([f"x{word}"])
    assume("." not in once)
    assert label([once]) == once
