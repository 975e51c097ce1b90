"""Artifacts on the whole frame, the contrast to those on the mouth; and the codec alone, the control."""

from __future__ import annotations

import cv2
import numpy as np

from lsbench.auditing.artifacts.artifact import Artifact, Subject
from lsbench.auditing.artifacts.mouth import coarser
from lsbench.face.patches import levels
from lsbench.media.clip import Clip
from lsbench.media.recode import CODEC_QUALITY, recoded


def _blur(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    blurred = [cv2.GaussianBlur(f, (0, 0), strength, borderType=cv2.BORDER_REPLICATE) for f in subject.clip.frames]
    return subject.with_frames(np.stack(blurred))


def _noise(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    noise = random.standard_normal(subject.clip.frames.shape, dtype=np.float32)
    return subject.with_frames(levels(subject.clip.frames + strength * noise))


def _jpeg(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    option = [cv2.IMWRITE_JPEG_QUALITY, round(100 - strength)]

    def coded(frame: np.ndarray) -> np.ndarray:
        _, content = cv2.imencode(".jpg", frame[..., ::-1], option)
        return np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR))[..., ::-1]

    return subject.with_frames(np.stack([coded(frame) for frame in subject.clip.frames]))


def _h264(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    return subject.with_frames(recoded(subject.clip.frames, subject.clip.fps, round(strength)))


def _brightness(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    sign = random.choice((-1, 1))
    return subject.with_frames(levels(subject.clip.frames + np.float32(sign * strength)))


def _resize(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    made = [coarser(frame.astype(np.float32), strength) for frame in subject.clip.frames]
    return subject.with_frames(levels(np.stack(made)))


def _again(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    frames = subject.clip.frames
    for _ in range(round(strength)):
        frames = recoded(frames, subject.clip.fps)
    return subject.with_frames(frames)


FRAME = (
    Artifact("frame-blur", "frame", "the whole frame is blurred by a Gaussian", "px", (0.5, 1, 2), _blur),
    Artifact(
        "frame-noise",
        "frame",
        "the whole frame is noisy (standard deviation)",
        "levels",
        (1, 4, 8),
        _noise,
        most=255,
        harmless=1,
    ),
    Artifact(
        "frame-jpeg",
        "frame",
        "every frame is a JPEG of quality 100 less",
        "quality lost",
        (10, 50, 75),
        _jpeg,
        most=99,
        harmless=10,
    ),
    Artifact(
        "frame-h264",
        "frame",
        "the video is encoded by H.264 at a rate factor of",
        "crf",
        (20, 28, 36),
        _h264,
        most=51,
        harmless=20,
    ),
    Artifact(
        "frame-brightness",
        "frame",
        "the whole frame is brighter or darker",
        "levels",
        (2, 8, 16),
        _brightness,
        most=255,
        harmless=2,
    ),
    Artifact(
        "frame-resize", "frame", "the whole frame has a lower resolution", "octaves", (0.5, 1, 2), _resize, most=8
    ),
)
CONTROL = Artifact(
    "recoded",
    "control",
    f"the video is encoded once more (H.264 at crf {CODEC_QUALITY}), which is no fault",
    "times",
    (1,),
    _again,
    harmless=1,
)
