"""What lsbench sees of a video before hours are spent on it, by the functions that scoring uses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbench.errors import LsbenchError
from lsbench.face.landmarker import Landmarker
from lsbench.face.search import Search, spot
from lsbench.face.track import spans
from lsbench.face.tracker import FaceTracker
from lsbench.media.files import content_sha256, read_film
from lsbench.media.film import HELD_BYTES, Film
from lsbench.media.streams import Container, container

SAMPLED = 25  # frames in which faces are looked for, unless all are

# Rough: processor time and memory of one worker with psnr, ssim, lmd, sync_corr and jitter on every region, measured
# on clips of 3 and 9 s at 360x288, 1280x720 and 1920x1080.
BASE_BYTES = 600 << 20  # of the process, its libraries and its windows of frames
BASE_S, FRAME_S, MEGAPIXEL_S = 5.0, 0.012, 0.035  # once; for a frame; for a million pixels of a frame


@dataclass(frozen=True)
class Shown:
    """The pictures of a video, as they are scored.

    Attributes:
        width, height: upright and with square pixels, px.
        fps: frames a second.
        fps_source: where that comes from, in words.
        variable: whether the pictures come at no constant rate.
        frames: of the grid.
        pictures: decoded.
        length_s: seconds.
        notes: what was changed on the way from the file.
    """

    width: int
    height: int
    fps: float
    fps_source: str
    variable: bool
    frames: int
    pictures: int
    length_s: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Heard:
    """The sound of a video.

    Attributes:
        length_s: from the first frame on, seconds.
        late_s: by how much its stream starts after that of the pictures, seconds; None where the file does not say.
        level_db: root mean square, dB of full scale; -inf for digital silence.
    """

    length_s: float
    late_s: float | None
    level_db: float


@dataclass(frozen=True)
class Faces:
    """The faces of a video.

    Attributes:
        looked: frames that were looked at.
        seen: in how many of them there is a face.
        most: faces in one of them.
        size_px: of the one that is followed, or the largest where frames are sampled: the median over frames of the
            longer side of the face oval, px; NaN without a face.
        lost: share of the frames that face and mouth scores would leave out; of sampled ones, without a face.
        missing: frames without a face, in words; empty where there are none.
        sampled: whether the frames are a sample of the video's.
        notes: of the track, where all frames were looked at.
    """

    looked: int
    seen: int
    most: int
    size_px: float
    lost: float
    missing: str
    sampled: bool = False
    notes: tuple[str, ...] = ()

    def may_pass(self, limit: float) -> bool:
        """Whether the share of the whole video may lie on the other side of a limit than that of the sample.

        So it is where the limit is in the interval that holds the share in 19 of 20 samples (Wilson 1927), and some
        frame of the sample has no face: one of a video with a face throughout says nothing of a limit of 0.
        """
        if not self.sampled or self.seen == self.looked:
            return False
        squared, count = 1.96**2, self.looked
        middle = (self.lost + squared / (2 * count)) / (1 + squared / count)
        spread = math.sqrt(squared * (self.lost * (1 - self.lost) + squared / (4 * count)) / count)
        return abs(limit - middle) <= spread / (1 + squared / count)


@dataclass(frozen=True)
class Inspection:
    """What is seen of one video.

    Attributes:
        source: the file or the folder of frames.
        container: what the file says of itself; None for a folder, and where it cannot be opened.
        shown: None where it cannot be read.
        sound: None where there is none.
        faces: None where nobody looked.
        error: why it cannot be read; None where it can.
    """

    source: Path
    container: Container | None = None
    shown: Shown | None = None
    sound: Heard | None = None
    faces: Faces | None = None
    error: str | None = None

    @property
    def memory_bytes(self) -> float:
        """About what one worker takes to score it against a reference like it; NaN where it cannot be read."""
        if self.shown is None:
            return math.nan
        pictures = self.shown.pictures * self.shown.height * self.shown.width * 3
        return BASE_BYTES + 2 * (pictures if pictures <= HELD_BYTES else 0)

    @property
    def time_s(self) -> float:
        """About how long one worker takes to score it against a reference like it; NaN where it cannot be read."""
        if self.shown is None:
            return math.nan
        return BASE_S + self.shown.frames * (FRAME_S + MEGAPIXEL_S * self.shown.height * self.shown.width / 1e6)


def inspected(
    source: Path, clip_id: str, tracker: FaceTracker | None = None, *, every: bool = False, folder_fps: float = 25.0
) -> tuple[Inspection, Film | None]:
    """Look at one video: it is decoded once as for scoring, and once more for its faces.

    Args:
        source: a video file, or a folder of numbered frames.
        clip_id: as scoring would call it, for errors.
        tracker: finds faces; without one nobody looks for them.
        every: look at all frames, as scoring does, not at SAMPLED of them.
        folder_fps: at which a folder of frames plays, frames a second.

    Returns:
        What was seen, and the film. One that cannot be read says so in `error`, and there is no film.
    """
    says: Container | None = None
    try:
        says = None if source.is_dir() else container(source, f"clip {clip_id}: {source}")
        film = read_film(source, clip_id, sound="optional", folder_fps=folder_fps)
    except LsbenchError as error:
        return Inspection(source, says, error=str(error)), None
    faces = None
    if tracker is not None:
        faces = _followed(film, source, tracker) if every else _sampled(film, tracker)
    return Inspection(source, says, _shown(film, says), _heard(film, says), faces), film


def _shown(film: Film, says: Container | None) -> Shown:
    video = says.read("video") if says else None
    if video is None:
        fps_source = "as it is asked for, for a folder has none"
    elif video.fps is not None and math.isclose(video.fps, film.fps, rel_tol=1e-6):
        fps_source = "as its container says"
    else:
        fps_source = "from its time stamps" + (f"; its container says {video.fps:g}" if video.fps else "")
    height, width = film.size
    return Shown(
        width,
        height,
        film.fps,
        fps_source,
        film.variable,
        len(film),
        len(film.pictures),
        len(film) / film.fps,
        film.notes,
    )


def _heard(film: Film, says: Container | None) -> Heard | None:
    if not len(film.speech):
        return None
    video, audio = (says.read(kind) if says else None for kind in ("video", "audio"))
    late = None
    if video and audio and video.start_s is not None and audio.start_s is not None:
        late = audio.start_s - video.start_s
    power = float(np.mean(np.square(film.speech, dtype=np.float64)))
    return Heard(len(film.speech) / film.sample_rate, late, 10 * math.log10(power) if power else -math.inf)


def _sampled(film: Film, tracker: FaceTracker) -> Faces:
    """Faces in some frames, evenly spread, each looked at by itself."""
    places = np.unique(np.linspace(0, len(film) - 1, SAMPLED).round().astype(np.int64))
    counts, sizes = [], []
    with Landmarker(tracker.model) as landmarker:
        for window in film.taken(places).windows(1):
            faces = Search(landmarker).faces(window.frames[0])
            counts.append(len(faces))
            sizes += [max(spot(face.points)[1] for face in faces)] if faces else []
    missing = [str(place) for place, count in zip(places, counts, strict=True) if not count]
    return Faces(
        len(places),
        len(sizes),
        max(counts),
        float(np.median(sizes)) if sizes else math.nan,
        len(missing) / len(places),
        ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else ""),
        sampled=len(places) < len(film),
    )


def _followed(film: Film, source: Path, tracker: FaceTracker) -> Faces:
    """The face that scoring follows, in every frame."""
    track = tracker.measure_cached(film, content_sha256(source))
    sizes = [spot(points)[1] for points, seen in zip(track.landmarks, track.found, strict=True) if seen]
    return Faces(
        len(track),
        int(np.count_nonzero(track.found)),
        int(track.seen.max()) if track.seen is not None else 1,
        float(np.median(sizes)) if sizes else math.nan,
        np.count_nonzero(track.lost) / len(track),
        spans(~track.found),
        notes=track.notes(),
    )
