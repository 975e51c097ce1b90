"""Silence and the mouth in it: where silence is found, closed forms, lost faces, real words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lsbench.errors import MetricError, WeightsError
from lsbench.face.track import OUTER_EYE_CORNERS, POINTS, FaceTrack
from lsbench.media.clip import Clip
from lsbench.media.files import read_clip
from lsbench.metrics._base.landmarks import LIP_MIDDLES, LOST
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics.silence import SilenceMotion, silence_motion, silent_frames
from lsbench.networks.silero import VoiceActivity, load

RATE = 16000


def speech(text: str, fps: float = 25.0, noise_db: float = -math.inf, level: float = 0.2) -> np.ndarray:
    """Noise as loud speech where the text has 's', nothing where it has '_', and noise below it all."""
    random = np.random.default_rng(0)
    edges = np.rint(np.arange(len(text) + 1) * RATE / fps).astype(int)
    gate = np.repeat([letter == "s" for letter in text], np.diff(edges))
    sound = gate * random.standard_normal(len(gate)) + 10 ** (noise_db / 20) * random.standard_normal(len(gate))
    return (level * sound).clip(-1, 1).astype(np.float32)


def found(samples: np.ndarray, frames: int, fps: float = 25.0) -> str:
    silent = silent_frames(samples, frames, fps=fps)
    assert silent.dtype == bool and silent.shape == (frames,)
    return "".join("_" if quiet else "s" for quiet in silent)


def face(apertures: list[float]) -> np.ndarray:
    points = np.zeros((len(apertures), POINTS, 2))
    points[:, OUTER_EYE_CORNERS[1], 0] = 50
    points[:, LIP_MIDDLES[0], 1] = 50 * np.array(apertures)
    return points + 20


TALK = "______sssss___sssss______sss____"  # 0.12 and 0.16 s are no silence


@pytest.mark.parametrize("noise_db", [-math.inf, -60, -40])
@pytest.mark.parametrize("level", [0.2, 0.002])
def test_silence_is_found_by_the_speechs_own_level(noise_db: float, level: float) -> None:
    text = found(speech(TALK, noise_db=noise_db, level=level), 32)
    assert text in ("______sssssssssssss______sssssss", "______ssssssssssssss_____sssssss")


@pytest.mark.parametrize("fps", [24, 29.97, 30, 50])
def test_a_silence_lasts_a_fifth_of_a_second_at_any_frame_rate(fps: float) -> None:
    shortest = math.ceil(0.2 * fps)
    assert found(speech("ssss" + "_" * (shortest - 1) + "ssss", fps), shortest + 7, fps) == "s" * (shortest + 7)
    for length in (shortest + 1, shortest + 2):  # the filter may take a frame to die away
        text = "ssss" + "_" * length + "ssss"
        assert found(speech(text, fps), len(text), fps) in (text, text.replace("s_", "ss"))


def test_noise_within_30_db_of_the_speech_is_no_silence_and_hum_is() -> None:
    assert found(speech(TALK, noise_db=-20), 32) == "s" * 32
    hum = 0.05 * np.sin(2 * np.pi * 20 * np.arange(32 * 640) / RATE)
    assert found(speech(TALK) + hum.astype(np.float32), 32)[:6] == "______"


def test_sound_that_ends_before_the_video_is_followed_by_silence_and_no_sound_by_nothing() -> None:
    assert found(speech("ssss"), 10) == "ssss______"
    assert found(np.zeros(6400, np.float32), 10) == "_" * 10
    assert found(np.zeros(0, np.float32), 10) == "s" * 10


def test_motion_is_the_change_of_aperture_a_second_within_silence() -> None:
    sound = speech("_____sssss_____")
    apertures = [0.1, 0.1, 0.14, 0.12, 0.12, 0.3, 0, 0.3, 0, 0.3, 0.0, 0.0, 0.0, 0.02, 0.02]
    expected = 25 * (0.04 + 0.02 + 0.02) / 8
    assert silence_motion(face(apertures), sound, fps=25) == pytest.approx(expected, rel=1e-9)
    assert silence_motion(3 * face(apertures) + 7, sound, fps=25) == pytest.approx(expected, rel=1e-9)
    assert silence_motion(face([0.1] * 15), sound, fps=25) == 0
    assert math.isnan(silence_motion(face(apertures), speech("s" * 15), fps=25))


def clips(apertures: list[float], sound: np.ndarray, missing: tuple[int, ...] = ()) -> ClipPair:
    clip = Clip("s1/a", np.zeros((len(apertures), 8, 8, 3), np.uint8), sound, 25)
    points, shown = face(apertures).astype(np.float32), ~np.isin(np.arange(len(apertures)), missing)
    track = FaceTrack(points, shown, 8, 8)
    nobody = FaceTrack(np.full_like(points, np.nan), np.zeros(len(points), bool), 8, 8)
    return ClipPair(clip, clip, landmarks=(nobody, track))  # the reference is not looked at


def test_a_lost_face_counts_in_both_changes_it_is_part_of() -> None:
    metric = SilenceMotion()
    stats = metric.measure(clips([0.1] * 10, speech("______ssss"), missing=(2, 8)))
    assert metric.compute(stats) == pytest.approx(25 * 2 * LOST / 5)
    note = "face found in 5 of 6 silent frames, the others counted as 0.25 inter-ocular distances each"
    assert metric.note(stats) == note
    assert metric.note(metric.measure(clips([0.1] * 10, speech("______ssss"), missing=(8,)))) is None


def test_undefined_scores_say_why() -> None:
    metric = SilenceMotion()
    loud, mute = (metric.measure(clips([0.1] * 10, sound)) for sound in (speech("s" * 10), np.zeros(0, np.float32)))
    reason = "undefined: the speech never falls 30 dB below its loudest for 0.2 s"
    assert math.isnan(metric.compute(loud)) and metric.note(loud) == reason
    assert math.isnan(metric.compute(mute)) and (metric.note(mute) or "").startswith("no sound in 10 frames; undefined")
    rest = metric.measure(clips([0.1] * 10, speech("______ssss")))
    assert metric.fold([loud, mute, rest]) == (0, "no sound in 10 frames")


def test_refused_input_says_what_was_expected() -> None:
    with pytest.raises(MetricError, match=r"speech is float32 \(2, 9\); expected finite floats, \(samples,\)"):
        silent_frames(np.zeros((2, 9), np.float32), 3, fps=25)
    with pytest.raises(MetricError, match="expected finite floats"):
        silence_motion(face([0.1] * 3), np.array([0, np.nan], np.float32), fps=25)
    with pytest.raises(MetricError, match="0 frames and 16000 samples a second"):
        silent_frames(speech("sss"), 3, fps=0)
    with pytest.raises(MetricError, match="below_db=0.0; expected more than 0"):
        SilenceMotion(below_db=0.0)
    with pytest.raises(MetricError, match="silence_motion: generated landmarks are"):
        silence_motion(np.zeros((3, 68, 2)), speech("sss"), fps=25)
    clip = Clip("s1/a", np.zeros((1, 8, 8, 3), np.uint8), np.zeros(0, np.float32), 25)
    with pytest.raises(MetricError, match="clip s1/a: silence_motion needs the landmarks of the generated clip"):
        SilenceMotion().measure(ClipPair(clip, clip))


class Heard(VoiceActivity):
    """In the place of the network: probabilities that were heard."""

    def speech_probability(self, speech: np.ndarray, sample_rate: int = RATE) -> np.ndarray:
        return self.tensors["probability"]


@pytest.mark.parametrize("fps", [25, 31.25, 50])
def test_a_frame_that_touches_a_window_with_speech_is_not_silent(fps: float) -> None:
    """Windows of 32 ms, the fifth and the last but one with speech; after the last one nobody speaks."""
    probability = [0.49] * 4 + [0.5] + [0.0] * 20 + [1.0] + [0.2]
    frames = math.ceil(1.2 * fps)
    silent = silent_frames(
        np.ones(1, np.float32), frames, fps=fps, network=Heard({"probability": np.array(probability, np.float32)})
    )
    spoken = np.zeros(frames, bool)
    for window in (4, 25):
        start, stop = window * 0.032 * fps, (window + 1) * 0.032 * fps
        spoken[math.floor(start + 1e-9) : math.ceil(stop - 1e-9)] = True
    if spoken[: math.floor(0.2 * fps)].any():  # the first pause is shorter than a fifth of a second
        spoken[: math.floor(4 * 0.032 * fps + 1e-9)] = True
    assert np.array_equal(silent, ~spoken)


def test_silero_hears_nothing_in_silence_and_its_absence_says_so(real_weights: Callable[[str], Path]) -> None:
    metric = SilenceMotion(vad="silero")
    assert metric.needed_weights == ("silero_vad",) and SilenceMotion().needed_weights == ()
    assert metric.signature == "silence_motion.1|below_db:30|vad:silero" and metric.key == "silence_motion:vad=silero"
    pair = clips([0.1] * 20, np.zeros(12800, np.float32))
    with pytest.raises(WeightsError, match="silence_motion needs the weights silero_vad, and the pair names none"):
        metric.measure(pair)
    files = {"silero_vad": real_weights("silero_vad")}
    stats = metric.measure(replace(pair, weights=files))
    assert stats["silent"].all() and metric.compute(stats) == 0 and metric.note(stats) is None
    mute = metric.measure(replace(clips([0.1] * 10, np.zeros(0, np.float32)), weights=files))
    assert not mute["silent"].any() and math.isnan(metric.compute(mute))
    assert metric.note(mute) == "no sound in 10 frames; undefined: the speech never pauses for 0.2 s"
    with pytest.raises(MetricError, match="option vad=loudness; expected one of level, silero"):
        SilenceMotion(vad="loudness")


def marks(grid: Path, clip_id: str, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """The frames of a clip that are marked silent, and those more than two frames inside of words."""
    truth = np.zeros(frames, bool)
    for line in (grid / f"{clip_id}.align").read_text().splitlines():
        start, stop, word = line.split()
        truth[round(int(start) / 1000) : round(int(stop) / 1000)] = word in ("sil", "sp")
    return truth, ~np.convolve(truth, np.ones(5), "same").astype(bool)


CLIPS = ("s1/bbaf2n", "s2/bbal6s", "s20/brbk7n", "s4/lwbsza")


def test_silence_of_real_clips_is_where_their_words_are_not(grid: Path) -> None:
    hits = marked = false = spoken = 0
    for clip_id in CLIPS:
        clip = read_clip(grid / f"{clip_id}.mpg", clip_id)
        silent = silent_frames(clip.speech, len(clip), fps=clip.fps)
        truth, words = marks(grid, clip_id, len(clip))
        hits, marked = hits + np.count_nonzero(silent & truth), marked + np.count_nonzero(truth)
        false, spoken = false + np.count_nonzero(silent & words), spoken + np.count_nonzero(words)
    assert hits / marked > 0.95 and false / spoken < 0.05


def test_silero_finds_the_silence_of_real_clips_under_noise_where_the_level_finds_none(
    grid: Path, real_weights: Callable[[str], Path]
) -> None:
    network, random = load(real_weights("silero_vad")), np.random.default_rng(0)
    hits = marked = false = spoken = by_level = 0
    for clip_id in CLIPS:
        clip = read_clip(grid / f"{clip_id}.mpg", clip_id)
        truth, words = marks(grid, clip_id, len(clip))
        power = np.mean(clip.speech**2)
        noise = np.sqrt(power / 10**0.5) * random.standard_normal(len(clip.speech))  # 5 dB below the speech
        heard = (clip.speech + noise).astype(np.float32)
        silent = silent_frames(heard, len(clip), fps=clip.fps, network=network)
        by_level += np.count_nonzero(silent_frames(heard, len(clip), fps=clip.fps))
        hits, marked = hits + np.count_nonzero(silent & truth), marked + np.count_nonzero(truth)
        false, spoken = false + np.count_nonzero(silent & words), spoken + np.count_nonzero(words)
    assert hits / marked > 0.9 and false / spoken < 0.05
    assert by_level == 0
