"""The files of an audit: audit.json, audit.md and index.html beside what was measured, and the page in a report."""

from __future__ import annotations

from pathlib import Path

from lsbench.auditing.findings import Audit
from lsbench.errors import RunError, reason
from lsbench.report.audit.page import MARK, write_page
from lsbench.report.audit.text import from_json, to_json, to_markdown
from lsbench.report.page.render import write
from lsbench.system.outputs import demand_file, marked
from lsbench.system.small_files import read_small_text

NAME, MARKDOWN, PAGE = "audit.json", "audit.md", "index.html"
VERB = "lsbench audit"
JSON_MARK = '{\n "format": '  # how to_json() begins


def write_audit(audit: Audit, out: Path) -> dict[str, Path]:
    """Write the three files: `json`, `markdown` and `page` to their paths; OutputError where others stand there."""
    demand_own_audit(out)
    paths = {"json": out / NAME, "markdown": out / MARKDOWN, "page": out / PAGE}
    write(paths["json"], to_json(audit).encode())
    write(paths["markdown"], to_markdown(audit).encode())
    write_page(audit, paths["page"])
    return paths


def demand_own_audit(out: Path) -> None:
    """Raise OutputError where a file stands in a folder that no audit wrote and an audit would replace.

    audit.md has no mark of its own: it is an audit's where an audit.json lies beside it.
    """
    demand_file(out / NAME, VERB, marked(JSON_MARK))
    demand_file(out / PAGE, VERB, marked(MARK))
    demand_file(out / MARKDOWN, VERB, lambda path: path.with_name(NAME).exists())


def read_audit(path: Path) -> Audit:
    """The audit of a folder that `lsbench audit` wrote, or of an audit.json; RunError where there is none."""
    path = path / NAME if path.is_dir() else path
    try:
        text = read_small_text(path)
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({reason(error)}); expected what lsbench audit wrote") from error
    return from_json(text, str(path))
