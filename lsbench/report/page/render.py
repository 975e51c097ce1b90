"""Pages that open from disk: one file each, from templates, with style and script inside."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from lsbench.errors import LsbenchError
from lsbench.metrics._base.direction import arrow, in_words
from lsbench.system.cache import write_atomically
from lsbench.system.visible import everywhere


def render(path: Path, template: str, *, package: str = "lsbench.report", **values: Any) -> None:
    """Write the page of a template, which may extend and include those of lsbench.report.

    Only mark, style and script may hold markup.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FunctionLoader(lambda name: source(name, package) if name == template else source(name)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else everywhere(value),
    )
    environment.policies["json.dumps_function"] = lambda value, **options: json.dumps(everywhere(value), **options)
    environment.filters["arrow"] = arrow
    environment.filters["in_words"] = in_words
    trusted = {name: Markup(values.pop(name)) for name in ("mark", "style", "script")}
    write(path, environment.get_template(template).render(**trusted, **values).encode())


def source(name: str, package: str = "lsbench.report") -> str:
    """The text of a template."""
    return (files(package) / "templates" / name).read_text(encoding="utf-8")


def write(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; LsbenchError where it cannot be."""
    try:
        write_atomically(path, lambda file: file.write(content))
    except OSError as error:
        raise LsbenchError(f"{path}: cannot be written ({error})") from error
