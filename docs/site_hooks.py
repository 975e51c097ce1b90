"""What the site takes from the code while it is built: the table of metrics, and formulas as MathML.

Called by MkDocs (see `hooks` in mkdocs.yml).
"""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

from lsbench import registry

TABLE = "<!-- table of metrics -->"
REPOSITORY_LINK = re.compile(r"\]\((?:docs/)([\w-]+\.md|[\w-]+\.png)")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page's Markdown with the table of metrics, and with links of the repository's files that hold on the site."""
    if TABLE in markdown:
        markdown = markdown.replace(TABLE, metric_table())
    return REPOSITORY_LINK.sub(r"](\1", markdown)


def on_page_content(content: str, **_: Any) -> str:
    """The page's HTML with every formula as MathML, which browsers draw without a script."""
    return FORMULA.sub(_mathml, content)


def metric_table() -> str:
    """All registered metrics: what each asks, which way is better, regions, options, weights."""
    lines = ["| metric | asks | better | regions | options | needs |", "|---|---|---|---|---|---|"]
    for name, target in registry.METRICS.items():
        kind = registry.load(target)
        better = "best at 0" if kind.better == "zero" else kind.better
        regions = ", ".join(region.value for region in kind.regions) or "its own"
        options = " ".join(f"`{option}={value}`" for option, value in kind().options().items()) or "-"
        needs = ", ".join([*kind.weights, *(["face_landmarker"] if kind.needs_landmarks else [])]) or "-"
        lines.append(f"| [`{name}`]({PAGES[target.partition(':')[0].rpartition('.')[2]]}#{name}) | {kind.asks} "
                     f"| {better} | {regions} | {options} | {needs} |")
    return "\n".join(lines)


# The page on which the metrics of each file under lsbench/metrics are described.
PAGES = {
    **dict.fromkeys(("psnr", "ssim", "lpips", "from_piq", "sharpness"), "pictures.md"),
    **dict.fromkeys(("seam", "flicker"), "paste.md"),
    **dict.fromkeys(("jitter", "lmd", "aperture", "silence", "coverage"), "lips.md"),
    "sync": "sync.md",
    "syncnet": "syncnet.md",
    "fid": "sets.md",
}


def _mathml(match: re.Match[str]) -> str:
    display = "block" if match[2] == "[" else "inline"
    return str(convert(html.unescape(match[3]).strip(), display=display))
