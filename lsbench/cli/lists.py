"""`lsbench metrics` and `lsbench generators`: what there is."""

from __future__ import annotations

import click

from lsbench.cli.common import examples


@click.command(epilog=examples("lsbench metrics"))
def metrics() -> None:
    """List the metrics: what each asks, which way is better, its regions, options, weights and source."""
    from lsbench import registry
    from lsbench.report.text.console import show_table

    rows = []
    for name, target in registry.table("metrics", registry.METRICS).items():
        kind = registry.load(target)
        metric = kind()
        regions = " ".join(region.value for region in kind.regions) or "-"
        needed = [*kind.weights, *(["face_landmarker"] if kind.needs_landmarks else [])]
        options = " ".join(f"{key}={value}" for key, value in metric.options().items()) or "-"
        rows.append([name, kind.asks, kind.better, regions, options, " ".join(needed) or "-", kind.source])
    show_table(["name", "asks", "better", "regions", "options", "weights", "source"], rows)


@click.command(epilog=examples("lsbench generators"))
def generators() -> None:
    """List the registered generators, and whether they see the answer, as stand-ins do."""
    from lsbench import registry
    from lsbench.report.text.console import show_table

    rows = []
    for name, target in registry.table("generators", registry.GENERATORS).items():
        found = registry.load(target)
        answer = name in registry.STANDINS or getattr(found, "sees_answer", False)
        rows.append(
            [name, "the answer" if answer else "what the protocol shows", " ".join((found.__doc__ or "").split())]
        )
    show_table(["name", "sees", "what it renders"], rows)
