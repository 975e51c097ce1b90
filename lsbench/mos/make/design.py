"""What raters are shown: which clips, which pairs, which items to whom, and how long it takes. No files, no names.

Every choice is made by the order of hashes of the seed and the names, so it depends on nothing else.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations

SESSION_S = 1200  # a session where nothing else is asked for; P.910 asks for breaks beyond half an hour
SETUP_S = 180  # instructions, sound and headphone checks, practice
ANSWERS_S = 12  # three questions and the way to the next item
PORTIONS = 24  # different shares of the items, where a rater sees a share

Pair = tuple[str, str]  # names of two generators


def by_hash(seed: int, what: str, names: Sequence[str]) -> list[str]:
    """The names in an order that the seed decides."""
    return sorted(names, key=lambda name: (hashlib.sha256(f"{seed}/{what}/{name}".encode()).digest(), name))


def choose_clips(speakers: Mapping[str, str], count: int, seed: int) -> list[str]:
    """So many clips of the mapping clip -> speaker, as many of each speaker as there can be, by one more or less."""
    waiting = {
        speaker: by_hash(seed, "clip", [clip for clip in speakers if speakers[clip] == speaker])
        for speaker in by_hash(seed, "speaker", sorted(set(speakers.values())))
    }
    chosen: list[str] = []
    while len(chosen) < count and any(waiting.values()):
        chosen += [clips.pop(0) for clips in waiting.values() if clips][: count - len(chosen)]
    return chosen


def pairs_of(generators: Sequence[str]) -> list[Pair]:
    """Every two generators."""
    return list(combinations(generators, 2))


def sample_pairs(generators: Sequence[str], clips: Sequence[str], count: int, seed: int) -> list[tuple[str, Pair]]:
    """So many comparisons (clip, pair): the counts of pairs differ by one at most, so do those of clips.

    Within a round of all pairs, those come first whose generators were compared least.
    """
    wanted = min(count, len(clips) * math.comb(len(generators), 2))
    names = {"\0".join(pair): pair for pair in pairs_of(generators)}
    order = {names[name]: number for number, name in enumerate(by_hash(seed, "pair", list(names)))}
    left = {pair: by_hash(seed, "compare " + "\0".join(pair), clips) for pair in order}
    pairs: Counter[Pair] = Counter()
    seen: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    comparisons: list[tuple[str, Pair]] = []
    while len(comparisons) < wanted:
        pair = min(
            (pair for pair in order if left[pair]),
            key=lambda pair: (pairs[pair], sum(seen[name] for name in pair), order[pair]),
        )
        clip = min(left[pair], key=lambda clip: shown[clip])
        left[pair].remove(clip)
        pairs[pair] += 1
        shown[clip] += 1
        seen.update(pair)
        comparisons.append((clip, pair))
    return comparisons


def portions(trials: Sequence[tuple[str, Hashable]], count: int, seed: int) -> list[list[int]]:
    """Shares of the trials (clip, what is shown of it) for raters who see `count` of them: numbers of the trials.

    In each share what is shown is balanced, and clips as far as that allows; over all shares every trial comes up
    equally often, by a few more or less.
    """
    if count >= len(trials):
        return []
    used: Counter[int] = Counter()
    shares = []
    for turn in range(PORTIONS):
        order = [int(name) for name in by_hash(seed, f"portion {turn}", [str(trial) for trial in range(len(trials))])]
        rank = {trial: position for position, trial in enumerate(order)}
        kinds: Counter[Hashable] = Counter()
        clips: Counter[str] = Counter()
        left = set(order)
        for _ in range(count):
            best = min(
                left,
                key=lambda trial: (kinds[trials[trial][1]], used[trial], clips[trials[trial][0]], rank[trial]),
            )
            left.remove(best)
            clips[trials[best][0]] += 1
            kinds[trials[best][1]] += 1
            used[best] += 1
        shares.append(sorted(set(order) - left))
    return shares


def trial_s(method: str, clip_s: float) -> float:
    """Seconds that one trial takes: the videos once, and the answers."""
    return clip_s * (2 if method == "pairs" else 1) + ANSWERS_S


def session_s(method: str, clip_s: float, trials: int) -> float:
    """Seconds that a session of so many trials takes, repeats among them, from the first word to the last."""
    return SETUP_S + trials * trial_s(method, clip_s)


def repeats_of(trials: int) -> int:
    """How many are shown twice where nothing else is asked for: a tenth, at least three."""
    return min(trials, max(3, round(trials / 10)))


def budget(method: str, clip_s: float, repeats: int | None) -> int:
    """How many different trials fit a session of SESSION_S, one at least."""
    room = int((SESSION_S - SETUP_S) // trial_s(method, clip_s))
    fitting = [count for count in range(1, room) if count + (repeats_of(count) if repeats is None else repeats) <= room]
    return max(fitting, default=1)
