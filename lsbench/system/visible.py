"""Texts of others, such as names and last words, made to be shown and not to be obeyed."""

from __future__ import annotations

import re
from typing import Any

# Control characters (a terminal obeys them), those that turn the direction of a text, ends of lines, half characters.
_OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def visible(text: str, keep: str = "") -> str:
    """A text whose characters that would be obeyed are spelled out: `\\x1b`, `\\u202e`, `\\n`; `keep` are left."""
    return _OBEYED.sub(lambda found: found[0] if found[0] in keep else repr(found[0])[1:-1], text)


def everywhere(content: Any) -> Any:
    """The same for all texts in a value of lists and tables, keys too; ends of lines are left in texts."""
    if isinstance(content, str):
        return visible(content, "\n")
    if isinstance(content, dict):
        return {everywhere(name): everywhere(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [everywhere(value) for value in content]
    return content


def in_json(document: str) -> str:
    """A JSON document whose texts hold no such characters, but their escapes."""
    return _OBEYED.sub(lambda found: found[0] if found[0] in "\n\r\t" else f"\\u{ord(found[0]):04x}", document)


def in_cell(text: str) -> str:
    """A text as a cell of a CSV file: a spreadsheet shows it, where it would take `=1+1` for a formula."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
