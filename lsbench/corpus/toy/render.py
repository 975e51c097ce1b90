"""The built-in toy corpus: small talking heads with sound, exact landmarks, and lips that are truly in step.

Everything follows from (seed, speaker, clip): the same numbers give the same bytes on one machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lsbench.corpus.toy.anatomy import Colour, Look, Pose, landmarks
from lsbench.corpus.toy.phones import lips, script, speak
from lsbench.corpus.toy.portrait import Expression, Portrait
from lsbench.face.track import INNER_LIPS, MOUTH_CORNERS, POINTS, FaceTrack
from lsbench.face.tracker import save_track, sidecar
from lsbench.media.clip import Clip
from lsbench.media.encode import comment_of
from lsbench.media.files import write_clip

SAMPLE_RATE = 16000
COMMENT = "synthetic: rendered by lsbench, not a recording"
_CAMERA_NOISE = 1.2  # standard deviation, levels
_UNIT = 0.29  # distance between the outer eye corners over the frame size


@dataclass(frozen=True)
class Speaker:
    """A look and a voice: pitch in Hz, tract scales the formants."""

    look: Look
    pitch_hz: float
    tract: float


_CAST = (
    Speaker(
        Look(
            skin=(236, 186, 156),
            hair=(92, 58, 36),
            lips=(186, 92, 88),
            iris=(78, 104, 122),
            cloth=(66, 84, 120),
            wall=(168, 180, 186),
            style="short",
            jaw=0.3,
            stubble=0.35,
            brow=1.15,
            fullness=0.95,
        ),
        pitch_hz=112,
        tract=0.96,
    ),
    Speaker(
        Look(
            skin=(160, 108, 78),
            hair=(34, 26, 24),
            lips=(142, 66, 66),
            iris=(70, 44, 28),
            cloth=(176, 74, 66),
            wall=(196, 186, 166),
            style="long",
            width=0.97,
            jaw=-0.5,
            brow=0.85,
            fullness=1.15,
            chin=0.98,
        ),
        pitch_hz=205,
        tract=1.13,
    ),
    Speaker(
        Look(
            skin=(246, 206, 182),
            hair=(206, 160, 92),
            lips=(204, 104, 106),
            iris=(88, 128, 92),
            cloth=(78, 122, 104),
            wall=(150, 158, 176),
            style="parted",
            width=1.03,
            jaw=-0.2,
            brow=0.8,
            mouth=1.05,
            chin=0.97,
        ),
        pitch_hz=182,
        tract=1.08,
    ),
    Speaker(
        Look(
            skin=(112, 74, 54),
            hair=(24, 20, 20),
            lips=(128, 66, 62),
            iris=(48, 32, 24),
            cloth=(214, 196, 150),
            wall=(132, 152, 148),
            style="curly",
            width=1.02,
            jaw=0.3,
            brow=1.2,
            mouth=1.08,
            fullness=1.2,
            chin=1.03,
        ),
        pitch_hz=96,
        tract=0.92,
    ),
    Speaker(
        Look(
            skin=(224, 176, 138),
            hair=(40, 34, 36),
            lips=(180, 84, 84),
            iris=(58, 38, 28),
            cloth=(92, 88, 96),
            wall=(204, 196, 190),
            style="parted",
            width=1.0,
            jaw=0.2,
            brow=1.0,
            fullness=1.05,
        ),
        pitch_hz=128,
        tract=1.0,
    ),
    Speaker(
        Look(
            skin=(236, 186, 160),
            hair=(150, 74, 40),
            lips=(200, 88, 84),
            iris=(84, 116, 130),
            cloth=(120, 92, 132),
            wall=(162, 174, 156),
            style="long",
            width=0.98,
            jaw=-0.6,
            brow=0.9,
            mouth=0.96,
        ),
        pitch_hz=220,
        tract=1.16,
    ),
)


def manifest(speakers: int = 4, clips: int = 3) -> list[tuple[str, str]]:
    """(clip id, speaker) of every clip, in order: ("t1/a0", "t1"), ("t1/a1", "t1") ..."""
    return [(f"t{speaker}/a{clip}", f"t{speaker}") for speaker in range(1, speakers + 1) for clip in range(clips)]


def cast(speaker: int, seed: int = 0) -> Speaker:
    """Speaker t<speaker>, counted from 1: the first six are always the same, later ones vary them by the seed."""
    member = _CAST[(speaker - 1) % len(_CAST)]
    if speaker <= len(_CAST):
        return member
    rng = np.random.default_rng((seed, speaker, 0))
    wall, cloth, iris = (_tinted(rng, colour) for colour in (member.look.wall, member.look.cloth, member.look.iris))
    width, jaw = float(rng.uniform(0.95, 1.04)), float(rng.uniform(-0.6, 0.4))
    look = replace(member.look, wall=wall, cloth=cloth, iris=iris, width=width, jaw=jaw)
    return Speaker(look, member.pitch_hz * rng.uniform(0.9, 1.1), member.tract * rng.uniform(0.96, 1.04))


def render(
    speaker: int, clip: int, *, seed: int = 0, frames: int = 50, size: int = 160, fps: float = 25.0
) -> tuple[Clip, FaceTrack]:
    """Clip t<speaker>/a<clip> and its exact landmarks: size x size px, 16 kHz speech exactly as long as the frames.

    Frame k shows the mouth at the instant k / fps of the speech. Clips of one speaker share looks, voice and room;
    words, head motion, blinks and light are each clip's own.
    """
    who = cast(speaker, seed)
    room, rng = np.random.default_rng((seed, speaker, 0)), np.random.default_rng((seed, speaker, clip + 1))
    words = script(rng, frames / fps)
    speech = speak(words, rng, round(frames / fps * SAMPLE_RATE), SAMPLE_RATE, who.pitch_hz, who.tract)

    times = np.arange(frames) / fps
    mean = Pose(0.5 * size, 0.415 * size, 0.0, _UNIT * size)
    opening, width = lips(words, times)
    x, y, turn, zoom, brow, light, dim, tilt = (_wander(rng, times) for _ in range(8))
    blink = _blinks(rng, times)
    level = rng.uniform(0.94, 1.06)
    across = np.linspace(-1, 1, size, dtype=np.float32)[:, None]

    portrait = Portrait(who.look, size, mean, room)
    pictures = np.empty((frames, size, size, 3), np.uint8)
    points = np.empty((frames, POINTS, 2), np.float32)
    for k in range(frames):
        pose = Pose(
            mean.x + 0.020 * size * x[k], mean.y + 0.015 * size * y[k], 0.06 * turn[k], mean.unit * (1 + 0.03 * zoom[k])
        )
        face = Expression(opening[k], width[k], blink[k], 0.02 * brow[k])
        picture = portrait.draw(pose, face, 0.5 + 0.4 * light[k])
        picture *= level + 0.05 * dim[k] + 0.05 * tilt[k] * across
        picture += _CAMERA_NOISE * rng.standard_normal(picture.shape, dtype=np.float32)
        pictures[k] = np.clip(np.rint(picture), 0, 255)
        points[k] = pose.to_image(landmarks(who.look, opening[k], width[k]))
    made = Clip(f"t{speaker}/a{clip}", pictures, speech, fps, SAMPLE_RATE)
    return made, FaceTrack(points, np.ones(frames, bool), size, size)


def mouth_shape(track: FaceTrack) -> tuple[np.ndarray, np.ndarray]:
    """Gap between the lips, and distance of the mouth corners, over the inter-ocular distance: two float64 (T,)."""
    points, unit = track.landmarks.astype(np.float64), track.interocular()
    pairs = (INNER_LIPS.start + 5, INNER_LIPS.start + 15), MOUTH_CORNERS
    gap, width = (np.linalg.norm(points[:, a] - points[:, b], axis=1) / unit for a, b in pairs)
    return gap, width


def write_corpus(
    folder: Path,
    *,
    speakers: int = 4,
    clips: int = 3,
    seed: int = 0,
    frames: int = 50,
    size: int = 160,
    fps: float = 25.0,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Render a corpus to FOLDER/t1/a0.mkv ... (lossless) with FOLDER/t1/a0.landmarks.npz ... beside; the videos' paths.

    The same arguments give the same files, so writing again changes nothing. progress: called with the clip id, the
    number of clips done, and the number of all.
    """
    paths: list[Path] = []
    for speaker in range(1, speakers + 1):
        for index in range(clips):
            clip, track = render(speaker, index, seed=seed, frames=frames, size=size, fps=fps)
            path = Path(folder) / f"{clip.id}.mkv"
            write_clip(path, clip.frames, clip.speech, fps, sample_rate=SAMPLE_RATE, metadata={"comment": COMMENT})
            save_track(sidecar(path), track)
            paths.append(path)
            if progress:
                progress(clip.id, len(paths), speakers * clips)
    return paths


def is_toy(folder: Path) -> bool:
    """Whether the first clip of a folder is one that write_corpus() wrote."""
    return comment_of(folder / "t1" / "a0.mkv") == COMMENT


def _wander(rng: np.random.Generator, times: np.ndarray) -> list[float]:
    """A slow smooth path within [-1, 1]: the mean of three sines between 0.1 and 0.7 Hz."""
    frequency, phase = rng.uniform(0.1, 0.7, (3, 1)), rng.random((3, 1))
    path: list[float] = np.sin(2 * np.pi * (frequency * times + phase)).mean(axis=0).tolist()
    return path


def _blinks(rng: np.random.Generator, times: np.ndarray) -> list[float]:
    """How far the eyes are shut, 0..1: blinks of about 0.12 s, 1.2 to 3.5 s apart."""
    instants = np.cumsum(rng.uniform(1.2, 3.5, size=2 + int(times[-1])))
    shut: list[float] = np.exp(-(((times[:, None] - instants) / 0.06) ** 4)).max(axis=1).tolist()
    return shut


def _tinted(rng: np.random.Generator, colour: Colour) -> Colour:
    red, green, blue = (int(level) for level in np.clip(rng.normal(colour, 14), 10, 245))
    return red, green, blue
