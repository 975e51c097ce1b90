"""The videos of a study: made and real ones through the same encoder, so that nothing but the picture tells them apart.

Metadata do not survive, the sound of all goes through one bandwidth (generators often keep 16 kHz of a 44.1 kHz clip),
and all videos of a clip have the same frames, size and length of sound.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lsbench.errors import StudyError
from lsbench.media.encode import even
from lsbench.media.files import content_sha256, read_film, write_film
from lsbench.media.film import Film
from lsbench.mos.make.runs import Video

SAMPLE_RATE = 16000
CRF = 12
FILE_TIME = 946684800  # of every file, 2000-01-01: when one was made says nothing


@dataclass(frozen=True)
class VideoJob:
    """One video to make."""

    video: Video
    target: Path


def make_video(job: VideoJob) -> tuple[int, int]:
    """Write what is shown of a video and return its height and width, px; StudyError where it cannot be shown."""
    video = job.video
    where = f"{video.generator}, clip {video.clip}: {video.source}"
    if content_sha256(video.source) != video.sha256:
        raise StudyError(f"{where} is another file than was scored; score it again, or put the scored one back")
    whole = _read(video)
    if not len(whole.speech):
        raise StudyError(f"{where} has no sound; raters judge lips by it. Add the speech that the lips follow")
    clip = whole.cut(video.start, video.start + video.frames)
    if len(clip) != video.frames:
        raise StudyError(f"{where} has {len(whole)} frames, expected {video.start + video.frames}; score it again")
    samples = round(video.frames * SAMPLE_RATE / clip.fps)
    speech = np.zeros(samples, np.float32)
    speech[: len(clip.speech)] = clip.speech[:samples]
    write_film(job.target, even(replace(clip, speech=speech)), crf=CRF)
    os.utime(job.target, (FILE_TIME, FILE_TIME))
    return clip.size


def _read(video: Video) -> Film:
    if video.fitted:
        sources, partial = video.fitted
        return sources.compared(partial, SAMPLE_RATE).generated
    fps = video.rules.fps or 25.0
    film = read_film(video.source, video.clip, sample_rate=SAMPLE_RATE, sound="optional", folder_fps=fps)
    return video.rules.shown(film) if video.real else film
