"""Phones aligned to sound: against GRID's own word times, at any level and rate, moved with the sound, kept on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lsbench.media.files import find_clips, read_film
from lsbench.speech import aligner
from lsbench.speech.aligner import HEARD, LOST, SILENT, UNSAID, align
from lsbench.speech.grid_names import sentence
from lsbench.speech.time_lists import read_align
from lsbench.speech.transcript import Timed, Transcript, of_text

pytest.importorskip("pocketsphinx")

RATE = 16000


def clips(grid: Path, every: int) -> list[tuple[str, Path, np.ndarray]]:
    found = sorted(find_clips(grid).items())[::every]
    return [(clip_id, path, read_film(path, clip_id).speech) for clip_id, path in found]


@pytest.mark.slow
def test_words_of_grid_are_heard_where_grid_has_them(grid: Path) -> None:
    off = []
    for clip_id, path, speech in clips(grid, 4):
        given = read_align(path.with_suffix(".align"))
        times = align(speech, RATE, of_text(str(sentence(clip_id)), clip_id)).word_times()
        assert times.shape == (6, 2) and (np.diff(times.ravel()) >= 0).all()
        off += [own - each.start_s for own, each in zip(times[:, 0], given.times, strict=True)]
    assert len(off) == 66
    assert np.mean(np.abs(off) <= 0.0401) >= 0.8 and np.mean(np.abs(off) <= 0.0801) >= 0.95
    assert abs(np.median(off)) <= 0.0101


@pytest.mark.slow
def test_given_times_of_words_count_and_move_with_the_sound(grid: Path) -> None:
    ((_, path, speech),) = clips(grid, 3)[:1]
    given = read_align(path.with_suffix(".align"))
    aligned = align(speech, RATE, given)
    assert (aligned.outcome, aligned.words, aligned.far, aligned.spelled) == (HEARD, 6, 0, 0)
    assert aligned.phones[0].start_s == pytest.approx(given.times[0].start_s)
    assert aligned.phones[-1].end_s == pytest.approx(given.times[-1].end_s)
    late = align(np.concatenate([np.zeros(RATE // 5, np.float32), speech]), RATE, given)
    moved = np.array([[one.start_s, other.start_s] for one, other in zip(aligned.phones, late.phones, strict=True)])
    assert np.median(np.diff(moved)) == pytest.approx(0.2, abs=0.0201)  # by the median of six words
    nonsense = replace(given, times=tuple(Timed(each.name, each.start_s**1.5, each.end_s**1.5) for each in given.times))
    assert align(speech, RATE, nonsense).far > 0


@pytest.mark.slow
def test_level_rate_and_what_was_heard_before_do_not_move_the_phones(
    grid: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (_, one, speech), (_, _, other) = clips(grid, 20)[:2]
    said = of_text(str(sentence(f"{one.parent.name}/{one.stem}")), "t")
    first = align(speech, RATE, said)
    monkeypatch.setenv("LSBENCH_CACHE", str(tmp_path))
    align(other, RATE, of_text("lay green by x nine again", "t"))
    assert align(speech, RATE, said) == first
    for changed, rate in ((speech * np.float32(0.1), RATE), (np.repeat(speech, 2), 2 * RATE)):
        phones = align(changed, rate, said).phones
        apart = [abs(a.start_s - b.start_s) for a, b in zip(phones, first.phones, strict=True)]
        assert np.median(apart) <= 0.0101 and np.mean(np.array(apart) <= 0.0301) >= 0.9
    monkeypatch.setattr(aligner, "_heard", None)  # what is kept is not heard again
    assert align(speech, RATE, said) == first


@pytest.mark.slow
def test_unknown_words_are_spelled_and_wrong_ones_do_not_fit(grid: Path) -> None:
    ((_, _, speech),) = clips(grid, 50)
    spelled = align(speech, RATE, of_text("bin blu at eff too nao", "t"))
    assert spelled.outcome == HEARD and spelled.spelled > 0
    wrong = align(speech, RATE, of_text("completely different sentence of words which is not said here", "t"))
    assert wrong.outcome == LOST and wrong.phones == ()
    assert align(speech, RATE, of_text("completely different sentence of words which is not said here", "t")) == wrong


def test_what_cannot_be_aligned_has_a_reason() -> None:
    said = of_text("bin", "t")
    assert align(np.zeros(100, np.float32), RATE, None).outcome == UNSAID
    assert align(np.zeros(100, np.float32), RATE, said).outcome == SILENT
    assert align(np.zeros(0, np.float32), RATE, said).outcome == SILENT
    phones = (Timed("B", 0.1, 0.2),)
    assert align(np.zeros(0, np.float32), RATE, Transcript(phones=phones)).phones == phones
