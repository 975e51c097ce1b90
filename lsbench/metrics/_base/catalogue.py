"""Spellings such as `ssim:color=luma` to metrics, and score keys back to them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from lsbench import registry
from lsbench.errors import MetricError, foreign
from lsbench.face.track import Region
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.score_key import OWN, ScoreKey


def kind(name: str) -> type[Metric]:
    """The class of a registered metric, or of a user's own, `py:module:Class`.

    Raises:
        MetricError: where there is none of this name, or it is no metric.
    """
    if name.startswith(OWN):
        metric_class = registry.load_named(name.removeprefix(OWN), name, MetricError, own=True)
    else:
        target = registry.find("metrics", "metric", name, registry.METRICS, MetricError)
        metric_class = registry.load_named(target, name, MetricError)
    if not isinstance(metric_class, type) or not issubclass(metric_class, Metric):
        raise MetricError(f"{name}: it is no class of metrics; expected a sub-class of lsbench.Metric")
    return metric_class


def demand_name(name: str) -> None:
    """Raise MetricError where no metric can have this name; a user's own is not looked for yet."""
    if not name.startswith(OWN):
        registry.find("metrics", "metric", name, registry.METRICS, MetricError)


def demand_at_hand(name: str) -> None:
    """Raise MetricError for a user's own metric that a file names and that is not plainly here.

    A run folder or a bundle may come from anywhere: it must not choose what is imported. So its `py:module:Class` is
    taken where the module is loaded already, or is a file in the working directory that defines a class of this name.
    """
    if not name.startswith(OWN):
        return
    module, _, path = name.removeprefix(OWN).partition(":")
    if module in sys.modules:
        return
    file = Path.cwd().joinpath(*module.split(".")).with_suffix(".py")
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        body = []
    if not any(isinstance(node, ast.ClassDef) and node.name == path for node in body):
        raise MetricError(f"{name}: there is no class {path} in {file}; work where the metric's file is")


def metrics(specs: Iterable[str | Metric | type[Metric]], regions: Iterable[Region]) -> list[Metric]:
    """The metrics that are asked for, on every region of `regions` that each one takes.

    Args:
        specs: spellings such as `ssim:color=luma` or `py:mymetrics:MAE`, or `ssim/mouth` for one region alone; classes
            of metrics; or metrics, each of which is measured on its own region alone where that is not the whole frame.
        regions: on which the others are measured.
    """
    regions = tuple(regions)
    chosen: dict[str, Metric] = {}
    for spec in specs:
        with foreign(partial(_unmade, spec)):
            made = _on_regions(spec, regions)
        chosen |= {metric.key: metric for metric in made}
    return list(chosen.values())


def metric(key: str) -> Metric:
    """The metric that a score key such as `ssim:color=luma/mouth` names: what a run folder or a bundle says.

    Args:
        key: of a score.

    Raises:
        MetricError: where it is not the key of a score, or of a user's own metric that is not at hand.
    """
    parts = ScoreKey.parse(key)
    demand_at_hand(parts.metric)
    chosen = metrics([parts.spec], [region for region in Region if region.value == parts.region])
    if not chosen or chosen[0].key != key:
        raise MetricError(
            f"{key!r} is not the key of a score; expected METRIC/REGION, or METRIC where it has no region"
        )
    return chosen[0]


def _unmade(spec: object, said: str) -> MetricError:
    return MetricError(f"metric {spec}: it cannot be made: {said}")


def _on_regions(spec: str | Metric | type[Metric], regions: tuple[Region, ...]) -> list[Metric]:
    if isinstance(spec, str):
        parts = ScoreKey.parse(spec)
        usual = kind(parts.metric)().with_options(parts.options)
        if "/" in spec:
            return [_at(usual, parts.region)]
    elif isinstance(spec, type):
        usual = spec()
    elif not isinstance(spec, Metric):
        raise MetricError(f"{spec!r} is no metric; expected a spelling such as ssim:color=luma, a Metric or its class")
    else:
        usual = spec
        if usual.region not in (None, Region.WHOLE):
            return [usual]
    if not usual.regions:
        return [usual]
    return [replace(usual, region=region) for region in usual.regions if region in regions]


def _at(usual: Metric, region: str) -> Metric:
    """The metric on a region that is spelled; MetricError where there is none of this name, or it does not take it."""
    known = [each.value for each in usual.regions]
    if region not in known:
        raise MetricError(f"metric {usual.name}: region {region}; it takes {', '.join(known) or 'no region'}")
    return replace(usual, region=Region(region))
