"""Videos at another frame rate: refused, paired with a note, or taken at the reference's times."""

from __future__ import annotations

import numpy as np
import pytest

from lsbench.errors import AlignmentError
from lsbench.media.clip import Clip
from lsbench.media.film import Film
from lsbench.protocol.rate import timed


def numbered(frames: int, fps: float) -> Film:
    """A film whose frame k has the grey level k."""
    pictures = np.broadcast_to(np.arange(frames, dtype=np.uint8)[:, None, None, None], (frames, 4, 4, 3))
    return Film.of(Clip("a", np.ascontiguousarray(pictures), np.zeros(round(frames / fps * 16000), np.float32), fps))


def test_one_rate_changes_nothing() -> None:
    film = numbered(30, 25.0)
    for how in ("strict", "resample"):
        time = timed(film, film, how)
        assert time.generated is film and time.notes == ()
        assert time.frames.tolist() == list(range(30))


def test_another_rate_is_refused_and_the_option_named() -> None:
    with pytest.raises(AlignmentError, match="generated 30 frames a second, reference 25; --rate resample"):
        timed(numbered(75, 25.0), numbered(90, 30.0), "strict")


def test_rates_that_nearly_agree_are_paired_and_the_drift_is_said() -> None:
    time = timed(numbered(200, 30.0), numbered(200, 30000 / 1001), "strict")
    assert time.frames.tolist() == list(range(200))
    assert "29.97 frames a second beside the reference's 30" in time.notes[0]
    assert "0.2 frames apart at the end of 200" in time.notes[0]
    minute = timed(
        numbered(10, 30.0).taken(np.zeros(1800, int)), numbered(10, 29.97).taken(np.zeros(1800, int)), "strict"
    )
    assert "1.8 frames apart" in minute.notes[0]


@pytest.mark.parametrize(("fps", "frames"), [(24.0, 72), (30000 / 1001, 90), (30.0, 90), (50.0, 150), (12.5, 38)])
def test_pictures_are_taken_at_the_references_times(fps: float, frames: int) -> None:
    """Frame k of the reference is seen from k / fps on: what is seen in its middle stands beside it."""
    time = timed(numbered(75, 25.0), numbered(frames, fps), "resample")
    assert len(time.generated) == round(frames / fps * 25)
    assert time.generated.fps == 25.0
    seen = time.generated.clip().frames[:, 0, 0, 0].astype(float)
    middles = (np.arange(len(seen)) + 0.5) / 25
    assert np.all(seen / fps <= middles + 1e-6)
    assert np.all((seen + 1) / fps >= np.minimum(middles, frames / fps) - 1e-6)
    assert time.notes[0].startswith(f"generated {fps:.6g} frames a second taken at the reference's times")


def test_sound_stays_as_it_is() -> None:
    film = numbered(90, 30.0)
    assert timed(numbered(75, 25.0), film, "resample").generated.speech is film.speech
