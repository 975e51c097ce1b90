"""An audit in words: what the numbers say, in sentences that are made from them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lsbench.auditing.artifacts.artifact import GROUPS
from lsbench.auditing.findings import STEP, Audit
from lsbench.metrics._base.score_key import ScoreKey

FEW = 6  # clips, below which grades are rough
MOST = 8  # names in a list before the rest is counted


def paragraph(audit: Audit) -> list[str]:
    """What the audit found, a sentence each."""
    at = f"step {audit.step} of its ladder"
    if audit.step == STEP:
        at = f"a strength that is plain to see or hear ({at})"
    sentences = [
        f"{len(audit.faults)} faults, each at {at}, were put into {len(audit.clips)} clips (protocol "
        f"{audit.protocol['name']}) and measured by {len(audit.keys)} scores."
    ]
    if len(audit.clips) < FEW:
        sentences.append(f"{len(audit.clips)} clips are few: one grade in thirty may be chance; --clips takes more.")
    sentences += [said for said in (_whole_against_mouth(audit), *_groups(audit)) if said]
    if best := max(audit.keys, key=lambda key: len(audit.noticed(key)), default=""):
        sentences.append(
            f"The score that notices most is {best}, with {len(audit.noticed(best))} of {len(audit.faults)} faults."
        )
    if drowned := _drowned(audit):
        sentences.append(f"Noticed, but not surely worse than one more harmless encoding: {_listed(drowned)}.")
    if blind := [key for key in audit.keys if not audit.noticed(key)]:
        sentences.append(f"{_listed(blind)} {_verb(blind, 'notices', 'notice')} none of them.")
    if fooled := _fooled(audit):
        sentences.append(f"Fooled, scoring a fault as an improvement: {_listed(fooled)}.")
    if harmless := max(map(audit.harmless, audit.keys), default=0):
        nervous = [f"{key} ({len(audit.alarms(key))})" for key in audit.keys if audit.alarms(key)]
        alarms = f"false alarms by {_listed(nervous)}" if nervous else "no score gives a false alarm"
        sentences.append(f"Of up to {harmless} harmless changes: {alarms}.")
    if audit.unnoticed:
        sentences.append(f"No score notices {_listed(audit.unnoticed)}.")
    if audit.recommended:
        rest = " that any score notices" if audit.unnoticed else ""
        sentences.append(f"The smallest set that notices every fault{rest}: {', '.join(audit.recommended)}.")
    return sentences


def conditions(audit: Audit) -> str:
    """How to read the table, in a sentence."""
    return (
        "● good: a spoiled clip scores worse than a clean one, and than one that was only encoded once more, with a "
        "chance (AUC) of 0.9 or more; ○ drowned: than a clean one only, not surely worse than harmless re-encoding; "
        "◐ weak: 0.7 or more; · blind; ✗ fooled: 0.1 or less, the fault scores better."
    )


def found_from(audit: Audit, artifact: str, key: str) -> str:
    """The smallest strength at which a score detects an artifact, with its unit; a dash where it does not."""
    response = audit.responses[artifact, key]
    named = next(each for each in audit.artifacts if each.name == artifact)
    return "-" if math.isnan(response.detected) else named.said(float(f"{response.detected:.2g}"))


def _whole_against_mouth(audit: Audit) -> str:
    """Which faults of mouth and box the mouth versions notice and the whole-frame versions do not."""
    keys = [key for key in map(ScoreKey.parse, audit.keys) if key.region == "whole"]
    told = []
    for key in keys:
        if str(key.at("mouth")) not in audit.keys:
            continue
        metric = key.spec
        whole, mouth = (set(audit.noticed(str(key.at(region)))) for region in ("whole", "mouth"))
        local = [each.name for each in audit.faults if each.group in ("mouth", "box")]
        gained = [name for name in local if name in mouth - whole]
        lost = [name for name in local if name in whole - mouth]
        said = f"{metric} {len(whole & set(local))} on the whole frame and {len(mouth & set(local))} on the mouth"
        told.append(
            said + (f" (gained {_listed(gained)})" if gained else "") + (f" (lost {_listed(lost)})" if lost else "")
        )
    count = sum(each.group in ("mouth", "box") for each in audit.faults)
    return f"Of {count} faults of mouth and paste box, scores notice: {'; '.join(told)}." if told and count else ""


def _groups(audit: Audit) -> list[str]:
    """For faults in time and of the sound, what only few scores see."""
    sentences = []
    for group in ("time", "sound"):
        for each in (each for each in audit.faults if each.group == group):
            keys = [key for key in audit.keys if audit.grade(each.name, key) == "good"]
            if 0 < len(keys) <= 4:
                sentences.append(
                    f"{each.name} ({each.said(audit.strength(each.name))}, {GROUPS[each.group]}) is noticed by "
                    f"{_listed(keys)} alone."
                )
    return sentences


def _fooled(audit: Audit) -> list[str]:
    return [f"{key} by {_listed(names, 4)}" for key in audit.keys if (names := _graded(audit, key, "fooled"))]


def _drowned(audit: Audit) -> list[str]:
    count = len(audit.faults)
    return [f"{key} {len(names)} of {count}" for key in audit.keys if (names := _graded(audit, key, "drowned"))]


def _graded(audit: Audit, key: str, grade: str) -> list[str]:
    """The faults for which a score has a grade."""
    return [each.name for each in audit.faults if audit.grade(each.name, key) == grade]


def not_measured(audit: Audit) -> list[str]:
    """Why scores were not measured, those that share a reason together."""
    reasons: dict[str, list[str]] = {}
    for key, why in audit.unavailable.items():
        reasons.setdefault(why, []).append(key)
    return [f"not measured: {', '.join(keys)}: {why}" for why, keys in reasons.items()]


def _listed(names: Sequence[str], most: int = MOST) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _verb(names: Sequence[str], one: str, many: str) -> str:
    return one if len(names) == 1 else many
