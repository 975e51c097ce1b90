"""What a worker needs beside its job, whatever the job is: made once, and pickled to other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker, reference_track
from lsbench.media.clip import Clip
from lsbench.media.files import Sound
from lsbench.media.film import Film
from lsbench.protocol.manifest import Reference
from lsbench.protocol.protocol import Protocol


@dataclass(frozen=True)
class Context:
    """How reference clips are read, and by whom their faces are found.

    Attributes:
        rules: the protocol without its clips, for a manifest does not travel with every job.
        tracker: finds faces, the one that the rules name; None where side-cars say where they are, or nothing asks.
        weights: the networks' files by name.
        device: where networks run.
        sound: whether clips must have some.
    """

    rules: Protocol
    tracker: FaceTracker | None = None
    weights: Mapping[str, Path] = field(default_factory=dict)
    device: str = "cpu"
    sound: Sound = "required"

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", replace(self.rules, clips=()))
        if self.tracker and self.tracker.face != self.rules.face:
            object.__setattr__(self, "tracker", replace(self.tracker, face=self.rules.face))

    def film(self, clip: Reference, sound: Sound | None = None) -> Film:
        """A reference clip as the protocol shows it, to be read.

        Args:
            clip: bound.
            sound: whether it must have some, where that is not as for other clips.

        Raises:
            MediaError: where the file cannot be read, or has no sound and must have some.
        """
        return self.rules.film(clip, sound or self.sound)

    def read(self, clip: Reference, sound: Sound | None = None) -> Clip:
        """All of film() at once; MediaError also where it is too large for that."""
        return self.film(clip, sound).clip()

    def content(self, clip: Reference) -> str:
        """The key of what is kept of a reference clip as it is shown (see Protocol.content)."""
        return self.rules.content(clip)

    def track(self, clip: Reference, shown: Film | Clip) -> FaceTrack:
        """The landmarks of a reference clip, from its side-car, the cache or the tracker, gaps filled.

        Args:
            clip: bound.
            shown: the same, read.

        Raises:
            FaceError: where the face is lost in more of the clip than the protocol's faceless allows.
        """
        return reference_track(shown, self.content(clip), clip.landmarks, self.tracker, self.rules.faceless)
