"""Alignment: strict refuses, trim shortens, lag finds the shift."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from frames import noisy

from lsbench.corpus.toy import render as synthetic
from lsbench.errors import AlignmentError
from lsbench.face.track import FaceTrack
from lsbench.media.clip import Clip
from lsbench.media.film import Film
from lsbench.protocol import lag
from lsbench.protocol.align import Alignment, align, estimate_lag
from lsbench.protocol.lag import lag_of_heads


def aligned(reference: Clip, generated: Clip, *rules: Any, **more: Any) -> Alignment:
    return align(Film.of(reference), Film.of(generated), *rules, **more)


def lag_of(reference: Clip, generated: Clip) -> int:
    return estimate_lag(Film.of(reference), Film.of(generated))


@pytest.fixture(scope="module")
def clip() -> Clip:
    return synthetic.render(1, 1, frames=40, size=96)[0]


def test_strict_takes_all_frames(clip: Clip) -> None:
    assert aligned(clip, clip, "strict") == Alignment(0, 40, 0)


def test_strict_refuses_another_length(clip: Clip) -> None:
    with pytest.raises(AlignmentError, match="generated 39 frames, reference has 40.*--align trim"):
        aligned(clip, clip.cut(0, 39), "strict")


@pytest.mark.parametrize("policy", ["strict", "trim", "lag"])
def test_frame_rate_and_size_always_count(clip: Clip, policy: str) -> None:
    with pytest.raises(AlignmentError, match="30 frames a second, reference 25"):
        aligned(clip, replace(clip, fps=30.0), policy)
    with pytest.raises(AlignmentError, match="generated 96x90 px, reference 96x96 px"):
        aligned(clip, replace(clip, frames=clip.frames[:, :90]), policy)


def test_protocol_rules_hold_for_the_reference(clip: Clip) -> None:
    with pytest.raises(AlignmentError, match="40 frames, the protocol demands 75"):
        aligned(clip, clip, "strict", frames=75)
    with pytest.raises(AlignmentError, match="the protocol demands 30"):
        aligned(clip, clip, "strict", fps=30.0)


def test_trim_takes_the_common_start(clip: Clip) -> None:
    assert aligned(clip, clip.cut(0, 30), "trim") == Alignment(0, 30, 0)
    assert aligned(clip.cut(0, 30), clip, "trim") == Alignment(0, 30, 0)


@pytest.mark.parametrize("late", [-12, -4, -1, 0, 1, 4, 8, 12])
def test_lag_is_found_under_noise(clip: Clip, late: int) -> None:
    shifted = clip.frames[np.clip(np.arange(len(clip)) - late, 0, len(clip) - 1)]
    assert lag_of(clip, replace(clip, frames=noisy(shifted, 6))) == late


@pytest.mark.parametrize("late", [-4, 0, 4])
def test_lag_is_that_of_the_motion_not_of_the_brightness(clip: Clip, late: int) -> None:
    shifted = clip.frames[np.clip(np.arange(len(clip)) - late, 0, len(clip) - 1)]
    brighter = np.clip(shifted * 1.08 + 6, 0, 255).astype(np.uint8)
    assert lag_of(clip, replace(clip, frames=brighter)) == late


def test_lag_lines_up_clips_of_other_lengths(clip: Clip) -> None:
    found = aligned(clip, clip.cut(4, 37), "lag")  # the generator started at frame 4 and stopped early
    assert found == Alignment(4, 37, -4)
    assert np.array_equal(clip.frames[found.start : found.stop], clip.cut(4, 37).frames[0:33])


def head(moves: np.ndarray, size: float) -> FaceTrack:
    """Eye corners that move along x by so much, in a picture of some size."""
    landmarks = np.zeros((len(moves), 80, 2), np.float32)
    landmarks[:, 76:] = np.array([[40, 50], [48, 50], [58, 50], [66, 50]]) * size
    landmarks[..., 0] += moves[:, None] * size
    side = round(100 * size)
    return FaceTrack(landmarks, np.ones(len(moves), bool), side, side)


@pytest.mark.parametrize("late", [-6, 0, 1, 12])
def test_heads_are_lined_up_whatever_their_size(late: int) -> None:
    moves = np.cumsum(np.random.default_rng(1).normal(0, 1, 80))
    shown = moves[np.clip(np.arange(80) - late, 0, 79)]
    assert lag_of_heads((head(moves, 1.0), head(shown, 2.5)), "a") == late


def test_heads_that_do_not_move_alike_have_no_lag() -> None:
    first, second = (np.random.default_rng(seed).normal(0, 1, 200).cumsum() for seed in (1, 2))
    for moves in (second, np.zeros(200)):
        with pytest.raises(AlignmentError, match="does not move alike in both videos at any lag"):
            lag_of_heads((head(first, 1.0), head(moves, 1.0)), "a")


def test_the_lag_does_not_depend_on_how_much_is_read_at_once(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    shifted = Film.of(replace(clip, frames=clip.frames[np.clip(np.arange(40) - 3, 0, 39)]))
    whole, _ = lag.changes(Film.of(clip), shifted).finished()
    monkeypatch.setattr(lag, "READ_BYTES", 5 * Film.of(clip).frame_bytes)
    parts, _ = lag.changes(Film.of(clip), shifted).finished()
    assert np.array_equal(whole, parts, equal_nan=True)
    assert estimate_lag(Film.of(clip), shifted) == 3
