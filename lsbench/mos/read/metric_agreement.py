"""Metrics against people: which metric orders videos as people do, and how sure that is.

Every figure is oriented so that + means agreement, whichever way the metric runs. The hidden reference is left out:
metrics with a reference are at their ideal value there, whatever people say. Correlations are plain: no curve is
fitted from the metric to people before Pearson's, as some evaluations do, for a handful of generators would be fitted
by any curve; Spearman's and Kendall's do not depend on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from lsbench.board.clip_values import Evidence
from lsbench.board.people import Correlation, MetricAgreement
from lsbench.mos.key import REFERENCE
from lsbench.mos.read.judged import Judged
from lsbench.statistics.bootstrap import SEED
from lsbench.statistics.correlation import kendall, pearson, ranks, signs
from lsbench.statistics.units import FEWEST

RESAMPLES = 500
BLOCK = 50  # resamples whose pairs of points are held at once
UNKNOWN = Correlation(math.nan, math.nan, math.nan)


def against_people(evidence: Evidence, judged: Judged) -> list[MetricAgreement]:
    """Every metric of the runs against one question, best first.

    Points are (generator, clip) of the generators that were rated and scored. A clip counts for a metric where all of
    them have a value. Choices between two only compare generators of one clip: then metrics, too, are taken less their
    mean on the clip, before they are correlated over all clips. Intervals draw raters and clips again, RESAMPLES times,
    both at once; those of pairwise accuracy clips only. With few generators the figures over generators say little,
    and their intervals nothing about other generators.
    """
    names = [name for name in judged.generators if name != REFERENCE and name in evidence.names]
    if len(names) < 2:
        return []
    mine = [judged.generators.index(name) for name in names]
    theirs = [evidence.names.index(name) for name in names]
    at = np.array([evidence.clips.index(clip) if clip in evidence.clips else -1 for clip in judged.clips])
    people, drawn = _people(judged, mine)
    if judged.relative:
        people, drawn = _by_clip(people), _by_clip(drawn)
    apart = judged.separated()[np.ix_(mine, mine)]
    values = evidence.orient(np.where(at >= 0, evidence.values[:, theirs][:, :, at], np.nan))
    scores = evidence.oriented[:, theirs]
    groups: dict[bytes, tuple[np.ndarray, list[int]]] = {}
    for place in range(len(evidence.keys)):
        usable = np.isfinite(values[place]).all(axis=0) & np.isfinite(people).all(axis=0)
        groups.setdefault(usable.tobytes(), (usable, []))[1].append(place)
    found: dict[int, MetricAgreement] = {}
    for usable, places in groups.values():
        sample = _Sample(people[:, usable], drawn[:, :, usable]) if usable.sum() >= FEWEST else None
        for place in places:
            key, better = evidence.keys[place], evidence.better[place]
            found[place] = MetricAgreement(
                None,
                key,
                better,
                0,
                0,
                len(names),
                0,
                UNKNOWN,
                UNKNOWN,
                UNKNOWN,
                UNKNOWN,
                UNKNOWN,
                *_generators(people, drawn, scores[place]),
            )
            if sample is not None:
                held = values[place][:, usable]
                clip = sample.clip_figures(_by_clip(held) if judged.relative else held)
                accuracy, pairs = accuracy_of(held, apart[:, :, usable])
                found[place] = replace(
                    found[place],
                    points=people[:, usable].size,
                    clips=int(usable.sum()),
                    pairs=pairs,
                    clip_plcc=clip[0],
                    clip_srcc=clip[1],
                    clip_kendall=clip[2],
                    within=clip[3],
                    accuracy=accuracy,
                )
    return ranked([found[place] for place in sorted(found)])


def _by_clip(values: np.ndarray) -> np.ndarray:
    """Values less their mean on the clip: (..., generators, clips)."""
    return values - values.mean(axis=-2, keepdims=True)


def ranked(metrics: Sequence[MetricAgreement]) -> list[MetricAgreement]:
    """Best first: by agreement within clips, then pairwise accuracy; equal ones share a rank.

    Then, unranked, those with figures over generators only, and those without any.
    """

    def order(metric: MetricAgreement) -> tuple[float, ...]:
        values = metric.within.value, metric.accuracy.value, metric.generator_srcc.value
        known = [math.isnan(value) for value in values]
        return (*known[:1], known[2], *(0.0 if math.isnan(value) else -value for value in values))

    ordered = sorted(metrics, key=order)
    places = [order(metric)[:4] for metric in ordered]
    return [
        replace(metric, rank=places.index(place) + 1 if not math.isnan(metric.within.value) else None)
        for metric, place in zip(ordered, places, strict=True)
    ]


def _people(judged: Judged, mine: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """What people say (generators, clips), and with raters drawn again (resamples, generators, clips)."""
    count = len(judged.raters)
    random = np.random.default_rng(SEED)
    weights = random.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64)
    people = judged.values[mine]
    drawn = judged.redrawn(weights)[:, mine]
    return people, np.where(np.isfinite(drawn), drawn, people)  # where none of an item's raters was drawn


class _Sample:
    """The people's side of the clips that a metric has: what every metric of these clips is held against."""

    def __init__(self, people: np.ndarray, drawn: np.ndarray) -> None:
        resamples, _, clips = drawn.shape
        self.people = people
        self.at = np.random.default_rng(SEED + 1).integers(0, clips, (resamples, clips))
        self.drawn = np.stack([drawn[place][:, self.at[place]] for place in range(resamples)])
        self.flat = self.drawn.reshape(resamples, -1)
        self.ranks = ranks(self.flat)

    def clip_figures(self, metric: np.ndarray) -> tuple[Correlation, Correlation, Correlation, Correlation]:
        """PLCC, SRCC and Kendall's tau over all points, and SRCC within clips: metric (generators, clips)."""
        drawn = np.moveaxis(metric[:, self.at], 1, 0)  # (resamples, generators, clips)
        flat, one, other = drawn.reshape(len(drawn), -1), metric.ravel(), self.people.ravel()
        taus = []
        for start in range(0, len(flat), BLOCK):
            block = slice(start, start + BLOCK)
            taus.append(kendall(signs(flat[block]), signs(self.flat[block])))
        return (
            _centred(float(pearson(one, other)), pearson(flat, self.flat)),
            _centred(float(pearson(ranks(one), ranks(other))), pearson(ranks(flat), self.ranks)),
            _centred(float(kendall(signs(one), signs(other))), np.concatenate(taus)),
            _centred(float(within(metric, self.people)), within(drawn, self.drawn)),
        )


def within(metric: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Mean over clips of Spearman's correlation over generators: (..., generators, clips) twice -> (...,).

    Clips on which one side ties all generators are left out; NaN where none is left.
    """
    one, other = (ranks(np.swapaxes(side, -1, -2)) for side in (metric, people))
    found = pearson(one, other)
    count = (~np.isnan(found)).sum(axis=-1)
    return np.where(count, np.nansum(found, axis=-1) / np.maximum(1, count), np.nan)


def accuracy_of(metric: np.ndarray, apart: np.ndarray) -> tuple[Correlation, int]:
    """Share of the pairs that people separate which the metric orders alike, ties one half; and how many pairs.

    metric: (generators, clips), apart: (generators, generators, clips), see Judged.separated(). Wilson's (1927)
    interval, on as many pairs as would vary as much as these do from clip to clip; where nothing varies, on as many as
    there are clips with such pairs.
    """
    one, other = np.triu_indices(len(metric), 1)
    wanted = apart[one, other].astype(np.float64)
    right = (np.sign(metric[one] - metric[other]) * wanted + 1) / 2
    told = wanted != 0
    pairs = int(told.sum())
    if not pairs:
        return UNKNOWN, 0
    share = float(right[told].mean())
    by_clip = np.where(told, right - share, 0).sum(axis=0)
    clips = int(told.any(axis=0).sum())
    variance = float(np.square(by_clip).sum()) / pairs**2 * clips / max(1, clips - 1)
    count = share * (1 - share) / variance if variance > 1e-12 else float(clips)
    return _wilson(share, min(count, pairs)), pairs


def _wilson(share: float, count: float) -> Correlation:
    z = float(ndtri(0.975))
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    low, high = max(0.0, middle - reach), min(1.0, middle + reach)
    return Correlation(share, 0.0 if share == 0 else low, 1.0 if share == 1 else high)


def _generators(
    people: np.ndarray, drawn: np.ndarray, scores: np.ndarray
) -> tuple[Correlation, Correlation, Correlation]:
    """PLCC, SRCC and Kendall's tau over generators, people's side the mean over clips; for three or more."""
    known = np.isfinite(scores)
    if known.sum() < FEWEST:
        return UNKNOWN, UNKNOWN, UNKNOWN
    clips = people.shape[1]
    at = np.random.default_rng(SEED + 1).integers(0, clips, (len(drawn), clips))
    held = np.nan_to_num(np.stack([drawn[place][:, at[place]] for place in range(len(drawn))]))
    there = np.stack([np.isfinite(people)[:, at[place]] for place in range(len(drawn))])
    again = np.where(there, held, 0).sum(axis=2)[:, known] / np.maximum(1, there.sum(axis=2))[:, known]
    mean = np.nanmean(people, axis=1)[known]
    one = scores[known]
    many = np.broadcast_to(one, again.shape)
    return (
        _around(float(pearson(one, mean)), pearson(many, again)),
        _around(float(pearson(ranks(one), ranks(mean))), pearson(ranks(many), ranks(again))),
        _around(float(kendall(signs(one), signs(mean))), kendall(signs(many), signs(again))),
    )


def _centred(value: float, drawn: np.ndarray) -> Correlation:
    """Percentiles on Fisher's scale, shifted so that their middle is the value.

    Raters drawn with replacement are fewer, so that the correlations drawn lie below the one found: that shift is no
    uncertainty. Fisher's z keeps the ends between -1 and 1.
    """
    known = drawn[~np.isnan(drawn)]
    if math.isnan(value) or len(known) < len(drawn) / 2:
        return Correlation(value, math.nan, math.nan)
    low, middle, high = np.quantile(_fisher(known), [0.025, 0.5, 0.975])
    centre = _fisher(np.array(value)) - middle
    return Correlation(value, min(value, float(np.tanh(low + centre))), max(value, float(np.tanh(high + centre))))


def _around(value: float, drawn: np.ndarray) -> Correlation:
    """Percentiles, which take in the value: what few points can give moves in steps."""
    known = drawn[~np.isnan(drawn)]
    if math.isnan(value) or len(known) < len(drawn) / 2:
        return Correlation(value, math.nan, math.nan)
    low, high = np.quantile(known, [0.025, 0.975])
    return Correlation(value, min(value, float(low)), max(value, float(high)))


def _fisher(value: np.ndarray) -> np.ndarray:
    return np.arctanh(np.clip(value, -0.9999, 0.9999))
