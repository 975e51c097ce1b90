"""`lsbench protocols`: list them, and show one with all its rules and clips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lsbench.cli.common import Commands, examples, say

if TYPE_CHECKING:
    from lsbench.protocol.protocol import Protocol

_LIST, _SHOW = "lsbench protocols", "lsbench protocols show grid-test"


@click.group(name="protocols", cls=Commands, invoke_without_command=True, epilog=examples(_LIST, _SHOW))
@click.pass_context
def protocols_group(context: click.Context) -> None:
    """List the registered protocols, or show one."""
    if context.invoked_subcommand is None:
        _list()


def _list() -> None:
    from lsbench import registry
    from lsbench.errors import ProtocolError
    from lsbench.protocol import protocol
    from lsbench.report.text.console import show_table

    rows = []
    for name in registry.table("protocols", registry.PROTOCOLS):
        try:
            bench = protocol.load(name)
        except ProtocolError as error:
            rows.append([name, "", f"not usable: {error}", "", "", "", ""])
            continue
        task = f"{bench.task}, silence" if bench.is_silent else bench.task
        rows.append([name, bench.version, task, *_counts(bench), _fps(bench), bench.rank_by])
    show_table(["name", "version", "task", "clips", "speakers", "fps", "ranked by"], rows)


@protocols_group.command(name="show", epilog=examples(_SHOW, f"{_SHOW} --data grid/", "lsbench protocols show my.toml"))
@click.argument("name", metavar="NAME|FILE")
@click.option("--data", type=click.Path(path_type=Path), help="Folder with the clips: adds files' sha256s and digests.")
def show(name: str, data: Path | None) -> None:
    """Show a protocol: its rules, the parts of its digest, and its clips.

    Rules and clips can move a number, and the digest covers them. Metrics, regions and rank_by say what is measured and
    ranked when nothing is named.
    """
    from lsbench.protocol import protocol
    from lsbench.report.text.console import show_table

    bench = protocol.load(name)
    if data is not None:
        bench = bench.bind(data)
    facts = {"name": bench.name, "version": bench.version}
    facts |= {f"rule {key}": "any" if value is None else f"{value}" for key, value in bench.rules.items()}
    facts |= {
        "metrics": " ".join(bench.metrics),
        "regions": " ".join(region.value for region in bench.regions),
        "rank_by": bench.rank_by,
        "clips": " of ".join(_counts(bench)) + " speakers",
    }
    if bench.select:
        facts["select"] = f"{_rule(bench)} of {' '.join(bench.select.speakers)}"
    facts["manifest_sha256"] = bench.manifest_sha256 if bench.is_bound else "with --data"
    facts["digest"] = bench.digest if bench.is_bound else "with --data"
    for key, fact in facts.items():
        say(f"{key:<17} {fact}")
    if bench.clips:
        rows = [
            [clip.id, clip.speaker, "silence" if bench.is_silent else bench.driver(clip).id, clip.sha256 or "-"]
            for clip in bench.clips
        ]
        show_table(["clip", "speaker", "sound of", "sha256"], rows)


def _counts(bench: Protocol) -> list[str]:
    """How many clips, and of how many speakers; where a rule selects them and the data is not known, the rule."""
    if bench.select and not bench.is_bound:
        return [_rule(bench), str(len(bench.select.speakers))]
    return [str(len(bench.clips)), str(len({clip.speaker for clip in bench.clips}))]


def _rule(bench: Protocol) -> str:
    count = bench.select and bench.select.clips_per_speaker
    return f"{count} each" if count else "all"


def _fps(bench: Protocol) -> str:
    return "any" if bench.fps is None else f"{bench.fps:g}"
