"""Whatever its options are, a metric is had again from its spelling and from its key."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from lsbench import registry
from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.score_key import ScoreKey, split_spec

WORDS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
METRICS = st.one_of(WORDS, st.builds("py:{}.{}:{}".format, WORDS, WORDS, WORDS))
VALUES = st.one_of(WORDS, st.integers().map(str), st.floats(allow_nan=False).map(str))
OPTIONS = st.lists(st.builds("{}={}".format, WORDS, VALUES), max_size=3).map(",".join)
NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 100).map(float))


@pytest.mark.slow
@given(METRICS, OPTIONS, st.one_of(st.just(""), WORDS))
def test_a_key_is_parsed_into_the_parts_that_it_was_made_of(metric: str, options: str, region: str) -> None:
    key = ScoreKey(metric, options, region)
    assert ScoreKey.parse(str(key)) == key
    assert split_spec(key.spec) == (metric, options)
    assert ScoreKey.parse(str(key.at("mouth"))) == ScoreKey(metric, options, "mouth")


@st.composite
def configured(draw: st.DrawFn) -> Metric:
    """A metric of the catalogue on one of its regions, with options as its own checks allow them."""
    kind = catalogue.kind(draw(st.sampled_from(sorted(registry.METRICS))))
    values: dict[str, Any] = {"region": draw(st.sampled_from(kind.regions))} if kind.regions else {}
    for option in fields(kind):
        default = option.default
        if option.name == "region" or draw(st.booleans()):
            continue
        if isinstance(default, bool):
            values[option.name] = draw(st.booleans())
        elif isinstance(default, str):
            values[option.name] = draw(st.sampled_from(option.metadata.get("choices") or (default,)))
        elif isinstance(default, int):
            values[option.name] = draw(st.integers(-5, 1000))
        elif isinstance(default, float):
            values[option.name] = draw(st.one_of(st.just(default), NUMBERS))
    try:
        return kind(**values)
    except MetricError:
        reject()


@pytest.mark.slow
@given(configured())
def test_a_metric_is_had_again_from_its_key(metric: Metric) -> None:
    again = catalogue.metric(metric.key)
    assert again == metric
    assert (again.key, again.signature) == (metric.key, metric.signature)


@pytest.mark.slow
@given(configured())
def test_a_metric_is_had_again_from_its_options(metric: Metric) -> None:
    name, options = split_spec(metric.spec)
    plain = replace(catalogue.kind(name)(), region=metric.region)
    assert plain.with_options(options) == metric
    settable = {option.name for option in fields(metric) if isinstance(option.default, str | bool | int | float)}
    every = ",".join(f"{option}={value}" for option, value in metric.options().items() if option in settable)
    assert plain.with_options(every).signature == metric.signature


def test_a_spelling_with_a_region_is_measured_there_alone() -> None:
    chosen = catalogue.metrics(["psnr", "ssim:color=luma/mouth", "lmd"], [Region.WHOLE, Region.FACE])
    assert [metric.key for metric in chosen] == ["psnr/whole", "psnr/face", "ssim:color=luma/mouth", "lmd"]
    for spec, reason in {"psnr/nose": "region nose", "psnr/": "region ;", "lmd/mouth": "no region"}.items():
        with pytest.raises(MetricError, match=reason):
            catalogue.metrics([spec], [Region.WHOLE])
