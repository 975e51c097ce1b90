"""The files of an audit: audit.json, audit.md and index.html beside what was measured, and the page in a report."""

from __future__ import annotations

from pathlib import Path

from lsbench.auditing.findings import Audit
from lsbench.errors import RunError
from lsbench.report.audit.page import write_page
from lsbench.report.audit.text import from_json, to_json, to_markdown
from lsbench.report.page import render as page

NAME = "audit.json"


def write_audit(audit: Audit, out: Path) -> dict[str, Path]:
    """Write the three files: `json`, `markdown` and `page` to their paths."""
    paths = {"json": out / NAME, "markdown": out / "audit.md", "page": out / "index.html"}
    page.write(paths["json"], to_json(audit).encode())
    page.write(paths["markdown"], to_markdown(audit).encode())
    write_page(audit, paths["page"])
    return paths


def read_audit(path: Path) -> Audit:
    """The audit of a folder that `lsbench audit` wrote, or of an audit.json; RunError where there is none."""
    path = path / NAME if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: cannot be read ({error}); expected what lsbench audit wrote") from error
    return from_json(text, str(path))
