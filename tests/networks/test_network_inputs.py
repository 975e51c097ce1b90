"""What baselines see and hear: face crops and LipGAN's mel spectrogram."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import scipy.signal

from lsbench.errors import FaceError, MediaError
from lsbench.face.crops import crop_faces, to_crops
from lsbench.face.track import FaceTrack, Region
from lsbench.media.clip import Clip
from lsbench.media.files import read_clip
from lsbench.media.lipgan_mel import lipgan_mel


def published_mel(speech: np.ndarray) -> np.ndarray:
    """The published recipe, step by step, with librosa's own calls, in float64."""
    emphasised = scipy.signal.lfilter([1, -0.97], [1], speech.astype(np.float64))
    mel = librosa.feature.melspectrogram(
        y=emphasised,
        sr=16000,
        n_fft=800,
        hop_length=200,
        win_length=800,
        n_mels=80,
        fmin=55,
        fmax=7600,
        power=1.0,
        pad_mode="reflect",
    )
    decibels = librosa.amplitude_to_db(mel, ref=1.0, amin=1e-5, top_db=None) - 20
    return np.clip(8 * (decibels + 100) / 100 - 4, -4, 4).T


def test_mel_is_the_published_one(toy: tuple[Clip, FaceTrack]) -> None:
    speech = toy[0].speech
    mel = lipgan_mel(speech, 16000)
    assert mel.dtype == np.float32
    assert mel.shape == (1 + len(speech) // 200, 80)
    assert np.abs(mel - published_mel(speech)).max() < 2e-4


def test_mel_of_a_real_clip(grid: Path) -> None:
    clip = read_clip(grid / "s1/bbaf2n.mpg", "s1/bbaf2n")
    mel = lipgan_mel(clip.speech, 16000)
    assert len(mel) == 1 + len(clip.speech) // 200
    assert np.abs(mel - published_mel(clip.speech)).max() < 2e-3
    assert -4 <= mel.min() < 0 < mel.max() <= 4


def test_mel_of_silence_is_the_floor() -> None:
    assert (lipgan_mel(np.zeros(16000, np.float32), 16000) == -4).all()


def test_mel_of_a_tone_peaks_at_its_band() -> None:
    tone = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.float32)
    centres = librosa.mel_frequencies(82, fmin=55, fmax=7600)[1:-1]
    assert np.abs(centres - 1000).argmin() == lipgan_mel(tone, 16000)[40].argmax()


@pytest.mark.parametrize(
    ("speech", "rate"),
    [
        (np.zeros(16000, np.float32), 8000),
        (np.zeros(0, np.float32), 16000),
        (np.zeros(16000, np.int16), 16000),
        (np.zeros((2, 16000), np.float32), 16000),
        (np.full(16000, np.nan, np.float32), 16000),
    ],
)
def test_mel_refuses_what_is_no_speech(speech: np.ndarray, rate: int) -> None:
    with pytest.raises(MediaError, match="expected"):
        lipgan_mel(speech, rate)


def test_faces_are_cut_where_the_boxes_are(toy: tuple[Clip, FaceTrack]) -> None:
    clip, track = toy
    boxes = track.box(Region.FACE)
    before = clip.frames.copy()
    x0, y0, x1, y1 = boxes[0]
    square = np.concatenate([boxes[:, :2], boxes[:, :2] + 32], axis=1)
    assert (crop_faces(clip.frames, square, size=32)[0] == clip.frames[0, y0 : y0 + 32, x0 : x0 + 32]).all()
    faces = crop_faces(clip.frames, boxes)
    assert faces.shape == (len(clip), 96, 96, 3)
    assert abs(faces[0].mean() - clip.frames[0, y0:y1, x0:x1].mean()) < 1
    assert (clip.frames == before).all()


def test_faces_are_resized_without_aliasing() -> None:
    stripes = np.zeros((1, 192, 192, 3), np.uint8)
    stripes[:, :, ::2] = 255
    faces = crop_faces(stripes, np.array([[0, 0, 192, 192]]))
    assert np.abs(faces[0, :, 2:-2].astype(int) - 128).max() <= 2


def test_landmarks_follow_the_crop() -> None:
    """A bright dot lies where its landmark says, before and after."""
    frame = np.zeros((1, 120, 100, 3), np.uint8)
    frame[0, 60:64, 40:44] = 255
    boxes = np.array([[20, 24, 68, 120]])
    face = crop_faces(frame, boxes)[0, :, :, 0].astype(float)
    rows, columns = np.mgrid[:96, :96]
    centre = (columns * face).sum() / face.sum(), (rows * face).sum() / face.sum()
    assert to_crops(np.array([[[41.5, 61.5]]]), boxes)[0, 0] == pytest.approx(centre, abs=0.05)


@pytest.mark.parametrize(
    "boxes",
    [
        np.array([[0, 0, 10, 10]] * 2),
        np.array([[0.0, 0, 10, 10]]),
        np.array([[5, 0, 5, 10]]),
        np.array([[-1, 0, 10, 10]]),
        np.array([[0, 0, 10, 21]]),
    ],
)
def test_wrong_boxes_are_refused(boxes: np.ndarray) -> None:
    with pytest.raises(FaceError):
        crop_faces(np.zeros((1, 20, 20, 3), np.uint8), boxes)
