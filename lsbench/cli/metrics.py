"""`lsbench metrics`: which metrics there are."""

from __future__ import annotations

import click

from lsbench.cli.common import examples


@click.command(epilog=examples("lsbench metrics"))
def metrics() -> None:
    """List the metrics: what each asks, which way is better, its regions, options, what it needs, and source."""
    from lsbench import registry
    from lsbench.report.text.console import show_table

    rows = []
    for name, target in registry.table("metrics", registry.METRICS).items():
        kind = registry.load(target)
        metric = kind()
        regions = " ".join(region.value for region in kind.regions) or "-"
        needed = [*kind.weights, *(["face_landmarker"] if kind.needs_landmarks else [])]
        needed += [f"lsbench[{kind.extra}]"] if kind.extra else []
        options = " ".join(f"{key}={value}" for key, value in metric.options().items()) or "-"
        rows.append([name, kind.asks, metric.better, regions, options, " ".join(needed) or "-", kind.source])
    show_table(["name", "asks", "better", "regions", "options", "needs", "source"], rows)
