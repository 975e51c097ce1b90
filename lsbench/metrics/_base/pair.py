"""A generated clip beside its reference: what a metric is handed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lsbench.errors import FaceError
from lsbench.face.track import FaceTrack, Region
from lsbench.media.clip import Clip, crop

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class ClipPair:
    """A generated clip beside its reference, frame by frame.

    Where there is no ground truth, reference is the clip that lent the face and may have another length; only metrics
    that are not `paired` see such a pair.

    Attributes:
        reference, generated: aligned, the same shape and frame rate.
        track: the face of the whole reference clip, the only source of boxes, so that every generator is cropped
            alike; None where only whole frames are compared.
        first_frame: the frame of the track that frame 0 of the pair belongs to.
        window_of: of a window of a long clip, the whole clip's pair, its frames blank; None where the pair is whole.
        place: the frame of the whole that frame 0 of the window is.
        own: which frames are the window's own; the others are neighbours, and no rows are kept of them.
        landmarks: the faces of reference and of generated as one tracker measured them, frame by frame with the pair;
            None where no metric asked.
        device: where networks run.
        weights: their files by name.
        reference_sha256: of the file that the reference was decoded from, for caches.
        keys: the scores that are measured of the pair, so that one pass of a network may serve several of them.
        models: what metrics learned from the clips of other speakers, by the learner's signature.
        reference_work: what was computed of the reference alone: dataclasses.replace() hands it to the next pair of
            the same reference.
    """

    reference: Clip
    generated: Clip
    track: FaceTrack | None = None
    first_frame: int = 0
    window_of: ClipPair | None = None
    place: int = 0
    own: slice = field(default_factory=lambda: slice(None))
    landmarks: tuple[FaceTrack, FaceTrack] | None = None
    device: str = "cpu"
    weights: Mapping[str, Path] = field(default_factory=dict)
    reference_sha256: str | None = None
    keys: frozenset[str] = frozenset()
    models: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    reference_work: dict[Hashable, Any] = field(default_factory=dict, repr=False)
    _shared: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.generated)

    @property
    def whole(self) -> ClipPair:
        """The pair of the whole clip: what it does once() serves every window."""
        return self.window_of or self

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """compute() the first time a key is asked for, its value afterwards: work that several metrics share."""
        return _once(self._shared, key, compute)

    def once_of_reference(self, key: Hashable, compute: Callable[[], T]) -> T:
        """As once(), for what depends on the reference, its boxes and the metric's options alone."""
        return _once(self.reference_work, key, compute)

    def boxes(self, region: Region) -> np.ndarray:
        """The region's boxes in the pair's frames: int64 (T, 4)."""
        track = self.track
        if track is None:
            raise FaceError(f"clip {self.reference.id}: region {region.value} needs a face track")
        boxes = self.whole.once(("boxes", region), lambda: track.box(region))
        return boxes[self.first_frame : self.first_frame + len(self)]

    def crop(self, region: Region) -> tuple[np.ndarray, np.ndarray]:
        """The region of reference and generated: two uint8 arrays (T, h, w, 3), read-only, for all metrics see them."""
        if region is Region.WHOLE:
            return _read_only(self.reference.frames), _read_only(self.generated.frames)
        return self.once(("crop", region), lambda: self._cut(region))

    def _cut(self, region: Region) -> tuple[np.ndarray, np.ndarray]:
        boxes = self.boxes(region)
        reference = self.once_of_reference(("crop", region), lambda: crop(self.reference.frames, boxes))
        return _read_only(reference), _read_only(crop(self.generated.frames, boxes))


def _read_only(frames: np.ndarray) -> np.ndarray:
    """A view that cannot be written through."""
    view = frames.view()
    view.flags.writeable = False
    return view


def _once(done: dict[Hashable, Any], key: Hashable, compute: Callable[[], T]) -> T:
    if key not in done:
        done[key] = compute()
    value: T = done[key]
    return value
