"""Landmarks of a clip: the face tracker, exact side-cars, gaps, and the cache of tracks."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.errors import FaceError
from lsbench.face.covered import covered, mouth
from lsbench.face.cuts import Changes
from lsbench.face.follow import chosen, parse_rule, trails
from lsbench.face.landmarker import Face, Landmarker
from lsbench.face.search import Search
from lsbench.face.track import MAX_GAP, PER_FRAME, FaceTrack, parts, spans
from lsbench.media.clip import Clip
from lsbench.media.decode import REVISION
from lsbench.media.film import Film
from lsbench.system import arrays
from lsbench.system.cache import cache_dir
from lsbench.system.memory import give_back

WINDOW = 8  # frames of a film that are read at a time
SIDECAR_SUFFIX = ".landmarks.npz"
_LARGEST = 1e3  # of what is known of a face beside its landmarks: shares of movements, and turns
OUTSIDE = 1.0  # widths or heights of the frame by which a landmark of a face may lie outside

Sights = dict[bytes, list[Face]]  # the faces of a picture, points float32, by the picture's digest

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FaceTracker:
    """MediaPipe's face landmarker with one model file, and a rule for which face is followed.

    Attributes:
        model: path of face_landmarker.task.
        sha256: of that file.
        face: where there are several: `largest`, `left`, `right`, or the one nearest to the point `x,y`, shares of
            width and height (see lsbench.face.follow.chosen).

    Raises:
        FaceError: where face is spelled otherwise.
    """

    model: Path
    sha256: str
    face: str = "largest"

    def __post_init__(self) -> None:
        parse_rule(self.face)

    @property
    def signature(self) -> str:
        """What can move a landmark: the model's bytes, MediaPipe's version and our own rules.

        Blendshapes and pose, which later versions of a track hold beside the landmarks, leave those as they were.
        """
        made = f"face_landmarker.2|sha256:{self.sha256[:16]}|mediapipe:{version('mediapipe')}|max_gap:{MAX_GAP}"
        return made if self.face == "largest" else f"{made}|face:{self.face}"

    def measure(self, video: Film | Clip, sights: Sights | None = None) -> FaceTrack:
        """One face of a video followed from frame to frame, and chosen anew after a cut.

        NaN and found=False where it is not seen. About 12 ms a frame, and as much again where faces are small. A film
        is read window by window, and a frame that repeats the one before it is not looked at again.

        Args:
            video: of any length.
            sights: what pictures showed when they were looked at before; what these show is added.
        """
        film = Film.of(video) if isinstance(video, Clip) else video
        shown, faces, mouths, shots = self._look(film, sights)
        landmarks, blendshapes, pose = (
            np.full((len(faces), *PER_FRAME[name]), np.nan, np.float32) for name in ("landmarks", "blendshapes", "pose")
        )
        seen = np.zeros(len(faces), np.int32)
        hidden = np.zeros(len(faces), bool)
        for shot in parts(shots):
            every = trails([[face.points for face in there] for there in faces[shot]], shot.start, film.fps)
            trail = chosen(every, self.face, *film.size)
            if trail:
                pictures = list(zip(trail.places, trail.order, strict=True))
                landmarks[trail.places] = trail.faces
                blendshapes[trail.places] = [faces[place][which].blendshapes for place, which in pictures]
                pose[trail.places] = [faces[place][which].pose for place, which in pictures]
                hidden[trail.places] = covered(np.stack([mouths[place][which] for place, which in pictures]))
                for jump in trail.jumps:
                    shots[jump:] += 1
            for other in every:
                if other is trail or other.is_steady():
                    seen[other.places] += 1
        has_face = np.asarray(np.isfinite(landmarks).all(axis=(1, 2)))
        every_picture = FaceTrack(landmarks, has_face, *film.size, shots, seen, hidden, self.face, blendshapes, pose)
        return every_picture.taken(shown)

    def _look(
        self, film: Film, sights: Sights | None
    ) -> tuple[np.ndarray, list[list[Face]], list[list[np.ndarray]], np.ndarray]:
        """Which picture each frame shows, int (T,); and of each picture the faces, their mouths and the shot."""
        shown = np.zeros(len(film), np.int64)
        faces: list[list[Face]] = []
        mouths: list[list[np.ndarray]] = []
        changes = Changes()
        before: np.ndarray | None = None
        with Landmarker(self.model) as landmarker:
            rule = parse_rule(self.face)
            search = Search(landmarker, None if isinstance(rule, str) else rule)
            for place, frame in enumerate(_frames(film)):
                if before is None or not np.array_equal(frame, before):
                    before = frame
                    faces.append(_sight(search, frame, sights))
                    mouths.append([mouth(frame, face.points) for face in faces[-1]])
                    changes.add(frame)
                shown[place] = len(faces) - 1
        return shown, faces, mouths, changes.shots()

    def measure_cached(self, video: Film | Clip, content_sha256: str) -> FaceTrack:
        """measure(), kept on disk by the content of the video's file, by the decoder, and by what a track holds."""
        maker = _short(f"{self.signature}|av:{version('av')}|decoding:{REVISION}|{','.join(PER_FRAME)}")
        path = cache_dir() / "tracks" / content_sha256[:2] / f"{content_sha256}-{maker}.npz"
        with contextlib.suppress(FaceError):
            track = load_track(path)
            if len(track) == len(video):
                _log.debug("clip %s: landmarks from %s", video.id, path)
                return track
        track = self.measure(video)
        give_back()  # sights of every picture, and windows of frames
        _log.debug("clip %s: landmarks measured, a face in %d of %d frames", video.id, track.found.sum(), len(track))
        try:
            save_track(path, track)
        except OSError as error:  # a cache that cannot be written (read-only, full) costs time, not the result
            _log.info("landmarks cannot be kept: %s", error)
        return track


def fill_gaps(track: FaceTrack, clip_id: str, faceless: float = 0.0) -> FaceTrack:
    """Interpolate runs of frames without a face, linearly between their neighbours in the shot (ends repeated).

    Args:
        track: as measured, NaN where no face was seen.
        clip_id: for the error.
        faceless: the greatest share of the frames that may be FaceTrack.lost.

    Returns:
        A track whose landmarks have no NaN; its flags still tell which frames were interpolated. Blendshapes and pose
        are not made up: they stay NaN there.

    Raises:
        FaceError: naming the frames, where more of them are lost, or where no frame has a face.
    """
    if track.found.all():
        return track
    lost = track.lost
    if not track.found.any() or np.count_nonzero(lost) > faceless * len(track):
        share = np.count_nonzero(lost) / len(track)
        allowed = f", or with longer ones in up to {100 * faceless:g} % of the clip" if faceless else ""
        remedy = "" if share > 0.95 else f"; a protocol with faceless = {np.ceil(20 * share) / 20:g} leaves them out"
        raise FaceError(
            f"clip {clip_id}: no face found in frames {spans(lost if lost.any() else ~track.found)} of "
            f"0-{len(track) - 1}; face and mouth regions need a face with gaps of at most {MAX_GAP} frames{allowed}. "
            f"Check the clip, or score --region whole only{remedy}"
        )
    flat = track.landmarks.reshape(len(track), -1).astype(np.float64)
    every = np.arange(len(track))
    filled = np.empty_like(flat)
    for shot in track.by_shot():
        seen = np.flatnonzero(track.found[shot]) + shot.start
        seen = seen if len(seen) else np.flatnonzero(track.found)
        filled[shot] = np.stack([np.interp(every[shot], seen, column[seen]) for column in flat.T], axis=1)
    return replace(track, landmarks=filled.reshape(track.landmarks.shape).astype(np.float32))


def reference_track(
    clip: Film | Clip,
    content_sha256: str,
    landmarks: Path | None,
    tracker: FaceTracker | None,
    faceless: float = 0.0,
) -> FaceTrack:
    """The face of a reference clip without gaps, from its exact side-car where there is one, else from the tracker.

    Args:
        clip: the reference, read.
        content_sha256: of the file that it was decoded from, by which landmarks are kept.
        landmarks: its side-car, if it has one.
        tracker: for clips without.
        faceless: the greatest share of the frames that may be lost (see fill_gaps).

    Raises:
        FaceError: where the side-car is of another video, there is neither, or the face is lost too often.
    """
    if landmarks:
        track = load_track(landmarks)
        shape = len(track), track.height, track.width
        expected = len(clip), *_size(clip)
        if shape != expected:
            raise FaceError(
                f"clip {clip.id}: {landmarks} is for {shape} (frames, height, width), the video has "
                f"{expected}; delete or renew it"
            )
    elif tracker:
        track = tracker.measure_cached(clip, content_sha256)
    else:
        raise FaceError(f"clip {clip.id}: regions face and mouth need landmarks, and there is no face tracker")
    return fill_gaps(track, clip.id, faceless)


def sidecar(source: Path) -> Path:
    """Where exact landmarks of a clip may lie: `bbaf2n.landmarks.npz` beside `bbaf2n.mpg` or the folder `bbaf2n`."""
    return source.with_name((source.name if source.is_dir() else source.stem) + SIDECAR_SUFFIX)


def save_track(path: Path, track: FaceTrack) -> None:
    """Write a track as .npz (landmarks, found, height, width, and what else is known of it), whole or not at all."""
    values = {name: getattr(track, name) for name in (*PER_FRAME, "height", "width", "rule")}
    arrays.write(path, {name: value for name, value in values.items() if value is not None})


def load_track(path: Path) -> FaceTrack:
    """Read what save_track wrote; FaceError where the file is missing, damaged, or holds what can be no face."""
    try:
        with arrays.opened(path) as data:
            landmarks, has_face = data["landmarks"].astype(np.float32), data["found"].astype(bool)
            more: dict[str, Any] = {name: data[name] for name in [*PER_FRAME][2:] if name in data}
            if "rule" in data:
                more["rule"] = str(data["rule"])
            track = FaceTrack(landmarks, has_face, int(data["height"]), int(data["width"]), **more)
        _demand_plausible(track)
        return track
    except (OSError, ValueError, FaceError) as error:
        raise FaceError(f"{path}: not a readable landmark file ({error})") from error


def _demand_plausible(track: FaceTrack) -> None:
    """ValueError where a track holds what no tracker measures."""
    if min(track.height, track.width) < 1:
        raise ValueError(f"frames of {track.width}x{track.height} px")
    with np.errstate(over="ignore", invalid="ignore"):
        place = track.landmarks[track.found] / np.array([track.width, track.height], np.float32)
        outside = ~(np.abs(place - 0.5) <= 0.5 + OUTSIDE).all(axis=(1, 2))
    if outside.any():
        frame = int(np.flatnonzero(track.found)[np.argmax(outside)])
        raise ValueError(
            f"landmarks of frame {frame} are no numbers, or lie far outside the {track.width}x{track.height} px"
        )
    if track.shots is not None and (track.shots.dtype.kind not in "iu" or (np.diff(track.shots) < 0).any()):
        raise ValueError("shots do not rise from frame to frame")
    if track.seen is not None and (track.seen.dtype.kind not in "iu" or (track.seen < 0).any()):
        raise ValueError("seen is no number of faces")
    if track.covered is not None and track.covered.dtype.kind != "b":
        raise ValueError("covered holds more than true and false")
    for name in ("blendshapes", "pose"):
        values = getattr(track, name)
        if values is not None and (values.dtype.kind != "f" or (np.abs(values) > _LARGEST).any()):
            raise ValueError(f"{name} holds what no face has")
    parse_rule(track.rule)


def _sight(search: Search, frame: np.ndarray, sights: Sights | None) -> list[Face]:
    """The faces of a picture, looked at once: points float32."""
    if sights is None:
        return [face.at(face.points.astype(np.float32)) for face in search.faces(frame)]
    digest = hashlib.blake2b(np.ascontiguousarray(frame).data, digest_size=16).digest()
    if digest not in sights:
        sights[digest] = _sight(search, frame, None)
    return sights[digest]


def _frames(film: Film) -> Iterator[np.ndarray]:
    """A film frame by frame: uint8 (H, W, 3)."""
    for window in film.windows(WINDOW):
        yield from window.frames[window.own]


def _size(video: Film | Clip) -> tuple[int, int]:
    """Height and width of a frame, px."""
    return video.size if isinstance(video, Film) else (video.frames.shape[1], video.frames.shape[2])


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
