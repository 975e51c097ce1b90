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

from lsbench.board.clip_values import ClipValues
from lsbench.board.people import Correlation, MetricAgreement
from lsbench.mos.key import REFERENCE
from lsbench.mos.read.question_scores import QuestionScores
from lsbench.statistics.bootstrap import SEED
from lsbench.statistics.correlation import kendall, pearson, ranks, signs
from lsbench.statistics.units import FEWEST

RESAMPLES = 500
BLOCK = 50  # resamples whose pairs of points are held at once
UNKNOWN = Correlation(math.nan, math.nan, math.nan)


def against_people(clip_values: ClipValues, people: QuestionScores) -> list[MetricAgreement]:
    """Every metric of the runs against one question, best first.

    Points are (generator, clip) of the generators that were rated and scored. A clip counts for a metric where all of
    them have a value. Choices between two only compare generators of one clip: then metrics, too, are taken less their
    mean on the clip, before they are correlated over all clips. Intervals draw raters and clips again, RESAMPLES times,
    both at once; those of pairwise accuracy clips only. With few generators the figures over generators say little,
    and their intervals nothing about other generators.
    """
    names = [name for name in people.generators if name != REFERENCE and name in clip_values.names]
    if len(names) < 2:
        return []
    rated = [people.generators.index(name) for name in names]
    scored = [clip_values.names.index(name) for name in names]
    clips = np.array([clip_values.clips.index(clip) if clip in clip_values.clips else -1 for clip in people.clips])
    opinion, drawn = _opinion(people, rated)
    if people.relative:
        opinion, drawn = _less_clip_mean(opinion), _less_clip_mean(drawn)
    apart = people.separated()[np.ix_(rated, rated)]
    values = clip_values.orient(np.where(clips >= 0, clip_values.values[:, scored][:, :, clips], np.nan))
    scores = clip_values.oriented[:, scored]
    groups: dict[bytes, tuple[np.ndarray, list[int]]] = {}
    for metric in range(len(clip_values.keys)):
        usable = np.isfinite(values[metric]).all(axis=0) & np.isfinite(opinion).all(axis=0)
        groups.setdefault(usable.tobytes(), (usable, []))[1].append(metric)
    agreements: dict[int, MetricAgreement] = {}
    for usable, metrics in groups.values():
        sample = _Sample(opinion[:, usable], drawn[:, :, usable]) if usable.sum() >= FEWEST else None
        for metric in metrics:
            key, better = clip_values.keys[metric], clip_values.better[metric]
            agreements[metric] = MetricAgreement(
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
                *_over_generators(opinion, drawn, scores[metric]),
            )
            if sample is not None:
                points = values[metric][:, usable]
                clip = sample.clip_figures(_less_clip_mean(points) if people.relative else points)
                accuracy, pairs = accuracy_of(points, apart[:, :, usable])
                agreements[metric] = replace(
                    agreements[metric],
                    points=points.size,
                    clips=int(usable.sum()),
                    pairs=pairs,
                    clip_plcc=clip[0],
                    clip_srcc=clip[1],
                    clip_kendall=clip[2],
                    within=clip[3],
                    accuracy=accuracy,
                )
    return ranked([agreements[metric] for metric in sorted(agreements)])


def _less_clip_mean(values: np.ndarray) -> np.ndarray:
    """Values less their mean on the clip: (..., generators, clips)."""
    differences: np.ndarray = values - values.mean(axis=-2, keepdims=True)
    return differences


def ranked(metrics: Sequence[MetricAgreement]) -> list[MetricAgreement]:
    """Best first: by agreement within clips, then pairwise accuracy; equal ones share a rank.

    Then, unranked, those with figures over generators only, and those without any.
    """

    def order(metric: MetricAgreement) -> tuple[float, ...]:
        values = metric.within.value, metric.accuracy.value, metric.generator_srcc.value
        undefined = [math.isnan(value) for value in values]
        return (undefined[0], undefined[2], *(0.0 if math.isnan(value) else -value for value in values))

    ordered = sorted(metrics, key=order)
    heights = [order(metric)[:4] for metric in ordered]
    return [
        replace(metric, rank=heights.index(height) + 1 if not math.isnan(metric.within.value) else None)
        for metric, height in zip(ordered, heights, strict=True)
    ]


def _opinion(people: QuestionScores, rated: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """What people say (generators, clips), and with raters drawn again (resamples, generators, clips)."""
    count = len(people.raters)
    random = np.random.default_rng(SEED)
    weights = random.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64)
    opinion = people.values[rated]
    drawn = people.redrawn(weights)[:, rated]
    return opinion, np.where(np.isfinite(drawn), drawn, opinion)  # where none of an item's raters was drawn


class _Sample:
    """The people's side of the clips that a metric has: what every metric of these clips is held against."""

    def __init__(self, people: np.ndarray, drawn: np.ndarray) -> None:
        resamples, _, clips = drawn.shape
        self.people = people
        self.clips = np.random.default_rng(SEED + 1).integers(0, clips, (resamples, clips))
        self.drawn = np.stack([drawn[draw][:, self.clips[draw]] for draw in range(resamples)])
        self.flat = self.drawn.reshape(resamples, -1)
        self.ranks = ranks(self.flat)

    def clip_figures(self, metric: np.ndarray) -> tuple[Correlation, Correlation, Correlation, Correlation]:
        """PLCC, SRCC and Kendall's tau over all points, and SRCC within clips: metric (generators, clips)."""
        drawn = np.moveaxis(metric[:, self.clips], 1, 0)  # (resamples, generators, clips)
        flat, ours, theirs = drawn.reshape(len(drawn), -1), metric.ravel(), self.people.ravel()
        taus = []
        for start in range(0, len(flat), BLOCK):
            block = slice(start, start + BLOCK)
            taus.append(kendall(signs(flat[block]), signs(self.flat[block])))
        return (
            _centred(float(pearson(ours, theirs)), pearson(flat, self.flat)),
            _centred(float(pearson(ranks(ours), ranks(theirs))), pearson(ranks(flat), self.ranks)),
            _centred(float(kendall(signs(ours), signs(theirs))), np.concatenate(taus)),
            _centred(float(within(metric, self.people)), within(drawn, self.drawn)),
        )


def within(metric: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Mean over clips of Spearman's correlation over generators: (..., generators, clips) twice -> (...,).

    Clips on which one side ties all generators are left out; NaN where none is left.
    """
    correlations = pearson(*(ranks(np.swapaxes(side, -1, -2)) for side in (metric, people)))
    count = (~np.isnan(correlations)).sum(axis=-1)
    return np.where(count, np.nansum(correlations, axis=-1) / np.maximum(1, count), np.nan)


def accuracy_of(metric: np.ndarray, apart: np.ndarray) -> tuple[Correlation, int]:
    """Share of the pairs that people separate which the metric orders alike, ties one half; and how many pairs.

    metric: (generators, clips), apart: (generators, generators, clips), see QuestionScores.separated(). Wilson's (1927)
    interval, on as many pairs as would vary as much as these do from clip to clip; where nothing varies, on as many as
    there are clips with such pairs.
    """
    first, second = np.triu_indices(len(metric), 1)
    order = apart[first, second].astype(np.float64)
    right = (np.sign(metric[first] - metric[second]) * order + 1) / 2
    separated = order != 0
    pairs = int(separated.sum())
    if not pairs:
        return UNKNOWN, 0
    share = float(right[separated].mean())
    by_clip = np.where(separated, right - share, 0).sum(axis=0)
    clips = int(separated.any(axis=0).sum())
    variance = float(np.square(by_clip).sum()) / pairs**2 * clips / max(1, clips - 1)
    count = share * (1 - share) / variance if variance > 1e-12 else float(clips)
    return _wilson(share, min(count, pairs)), pairs


def _wilson(share: float, count: float) -> Correlation:
    z = float(ndtri(0.975))
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    low, high = max(0.0, middle - reach), min(1.0, middle + reach)
    return Correlation(share, 0.0 if share == 0 else low, 1.0 if share == 1 else high)


def _over_generators(
    people: np.ndarray, drawn: np.ndarray, scores: np.ndarray
) -> tuple[Correlation, Correlation, Correlation]:
    """PLCC, SRCC and Kendall's tau over generators, people's side the mean over clips; for three or more."""
    scored = np.isfinite(scores)
    if scored.sum() < FEWEST:
        return UNKNOWN, UNKNOWN, UNKNOWN
    clips = people.shape[1]
    chosen = np.random.default_rng(SEED + 1).integers(0, clips, (len(drawn), clips))
    values = np.nan_to_num(np.stack([drawn[draw][:, chosen[draw]] for draw in range(len(drawn))]))
    rated = np.stack([np.isfinite(people)[:, chosen[draw]] for draw in range(len(drawn))])
    again = np.where(rated, values, 0).sum(axis=2)[:, scored] / np.maximum(1, rated.sum(axis=2))[:, scored]
    mean = np.nanmean(people, axis=1)[scored]
    one = scores[scored]
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
    defined = drawn[~np.isnan(drawn)]
    if math.isnan(value) or len(defined) < len(drawn) / 2:
        return Correlation(value, math.nan, math.nan)
    low, middle, high = np.quantile(_fisher(defined), [0.025, 0.5, 0.975])
    centre = _fisher(np.array(value)) - middle
    return Correlation(value, min(value, float(np.tanh(low + centre))), max(value, float(np.tanh(high + centre))))


def _around(value: float, drawn: np.ndarray) -> Correlation:
    """Percentiles, which take in the value: what few points can give moves in steps."""
    defined = drawn[~np.isnan(drawn)]
    if math.isnan(value) or len(defined) < len(drawn) / 2:
        return Correlation(value, math.nan, math.nan)
    low, high = np.quantile(defined, [0.025, 0.975])
    return Correlation(value, min(value, float(low)), max(value, float(high)))


def _fisher(value: np.ndarray) -> np.ndarray:
    z: np.ndarray = np.arctanh(np.clip(value, -0.9999, 0.9999))
    return z
