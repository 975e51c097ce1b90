"""The check of a rater: reasons, flags and figures, and what does not depend on the method of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lsbench.mos.key import StudyKey
from lsbench.mos.read.ratings import HEADPHONES, Rating

CERTAIN = 2.326  # standard errors: one side of the normal distribution, 1 %
FEWEST_REPEATS = 3
FEWEST_ANSWERS = 8  # of one kind, before they can be called the same throughout


@dataclass
class RaterCheck:
    """What the answers say of one rater. reasons: why the rater is left out; flags: what a reader should know."""

    rater: str
    reasons: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    figures: dict[str, float | int | None] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        return not self.reasons


def begin_checks(
    ratings: Sequence[Rating], raters: Sequence[str], key: StudyKey, require_headphones: bool
) -> dict[str, RaterCheck]:
    """A check for each rater, with what does not depend on the method: headphones, videos not played, gaps."""
    checks = {rater: RaterCheck(rater) for rater in raters}
    for rater, check in checks.items():
        own = [rating for rating in ratings if rating.rater == rater]
        _headphones(check, [rating for rating in own if rating.kind == HEADPHONES], key, require_headphones)
        _unplayed(check, [rating for rating in own if rating.kind != HEADPHONES])
    _incomplete(checks, ratings, key)
    return checks


def _headphones(check: RaterCheck, heard: Sequence[Rating], key: StudyKey, required: bool) -> None:
    """Fewer right than the key asks for is a flag: it spoils `sync` more than `mouth`; a reason where required."""
    if not key.checks:
        return
    right = sum(rating.value for rating in heard)
    check.figures |= {"headphones_right": right, "headphones_checks": len(heard)}
    if right < key.passing:
        said = f"headphones: {right} of {len(heard)} checks right, {key.passing} of {key.checks} are asked for"
        (check.reasons if required else check.flags).append(said)


def _unplayed(check: RaterCheck, answers: Sequence[Rating]) -> None:
    trials = {(rating.trial, rating.item, rating.other): rating.played_ms for rating in answers}
    unseen = sum(played == 0 for played in trials.values())
    if unseen:
        check.flags.append(f"{unseen} of {len(trials)} trials were answered without playing the video")


def _incomplete(checks: Mapping[str, RaterCheck], ratings: Sequence[Rating], key: StudyKey) -> None:
    """Sessions with fewer trials than the longest, and trials without all questions. They count as far as they go."""
    trials: dict[str, dict[tuple[str, str, int], set[str]]] = {rater: {} for rater in checks}
    for rating in ratings:
        if rating.kind != HEADPHONES:
            shown = (rating.item, rating.other, rating.repeat)
            trials[rating.rater].setdefault(shown, set()).add(rating.question)
    most = max(map(len, trials.values()), default=0)
    for rater, check in checks.items():
        partial = sum(len(asked) < len(key.questions) for asked in trials[rater].values())
        check.figures["trials"] = len(trials[rater])
        if len(trials[rater]) < most:
            check.flags.append(
                f"incomplete: {len(trials[rater])} trials, the longest session has {most}; kept as it is"
            )
        if partial:
            check.flags.append(f"{partial} trials lack an answer")
