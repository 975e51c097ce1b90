"""Spellings such as `ssim:color=luma` to metrics, and score keys back to them."""

from __future__ import annotations

from collections.abc import Iterable

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.metric import Metric
from lsbench.registry import METRICS, find, load


def metrics(specs: Iterable[str], regions: Iterable[Region]) -> list[Metric]:
    """The metrics that spellings such as `ssim:color=luma` name, on every region of `regions` that each one takes."""
    regions = tuple(regions)
    found: dict[str, Metric] = {}
    for spec in specs:
        name, _, options = spec.partition(":")
        kind: type[Metric] = load(find("metrics", "metric", name, METRICS, MetricError))
        taken: list[Region | None] = [region for region in kind.regions if region in regions]
        for region in taken if kind.regions else [None]:
            metric = kind(region=region).with_options(options)
            found[metric.key] = metric
    return list(found.values())


def metric(key: str) -> Metric:
    """The metric that a score key such as `ssim:color=luma/mouth` names."""
    spec, _, region = key.rpartition("/") if "/" in key else (key, "", "")
    regions = [known for known in Region if known.value == region]
    found = metrics([spec], regions)
    if not found or found[0].key != key:
        raise MetricError(
            f"{key!r} is not the key of a score; expected METRIC/REGION, or METRIC where it has no region"
        )
    return found[0]
