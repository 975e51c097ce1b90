"""The clips behind a run: its videos, its reference clips, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lsbench.errors import FaceError, LsbenchError, MediaError, WeightsError
from lsbench.face.tracker import FaceTracker, sidecar
from lsbench.media.files import clips_at
from lsbench.protocol.context import Context
from lsbench.protocol.manifest import Reference
from lsbench.protocol.protocol import recall
from lsbench.run.folder import Run
from lsbench.run.match import match_folder
from lsbench.run.pairing import Job, paired
from lsbench.run.result import Partial
from lsbench.run.windows import FilmPair


@dataclass(frozen=True)
class Sources:
    """Where the two videos of a scored clip lie.

    Attributes:
        reference: The real video; None where it is not there.
        generated: The generated one; None where it is not there.
        absent: Why one is not there.
        context: The rules under which the run was made, and who finds faces.
    """

    reference: Path | None
    generated: Path | None
    absent: tuple[str, ...]
    context: Context

    @property
    def fitted(self) -> bool:
        """Whether the generated video was brought to the size or rate of its reference before it was compared."""
        rules = self.context.rules
        return rules.has_truth and (rules.fit, rules.rate) != ("strict", "strict")

    def compared(self, partial: Partial, sample_rate: int) -> FilmPair:
        """Both films of a scored clip as they were compared, for those that were fitted.

        Args:
            partial: The scored clip.
            sample_rate: Of the sound, Hz.

        Raises:
            MediaError: One of the videos is not there.
            LsbenchError: They cannot be read or lined up any more.
        """
        if self.reference is None or self.generated is None:
            raise MediaError(f"clip {partial.clip_id}: its videos were fitted to each other; {'; '.join(self.absent)}")
        landmarks = sidecar(self.reference)
        real = Reference(
            partial.clip_id,
            sha256=partial.reference_sha256,
            source=self.reference,
            landmarks=landmarks if landmarks.exists() else None,
        )
        context = replace(self.context, rules=replace(self.context.rules, sample_rate=sample_rate))
        return paired(context, (), Job(real, self.generated, partial.generated_sha256))


class Footage:
    """Where the videos of a run lie.

    Args:
        run: The run's folder.
        ids: Of the clips.
        reference: Folder of the real clips, or the one clip, where run.json does not say or they moved.
        tracker: Finds faces; None where none are to be found.
    """

    def __init__(
        self, run: Run, ids: Sequence[str], reference: Path | None, tracker: FaceTracker | None = None
    ) -> None:
        request = run.request()
        self.context = Context(recall(request["protocol"]), tracker, sound="optional")
        asked = reference or (Path(folder) if (folder := request.get("reference")) else None)
        self.generated, self.no_generated = _generated(run.path, str(request.get("generated", "")), ids, asked)
        self.reference, self.no_reference = _references(request, reference)

    def of(self, clip_id: str) -> Sources:
        """The sources of one clip."""
        reference, generated = self.reference.get(clip_id), self.generated.get(clip_id)
        absent = [] if reference or self.context.rules.task == "alone" else [self.no_reference]
        absent += [] if generated else [self.no_generated]
        return Sources(reference, generated, tuple(absent), self.context)


def tracker() -> FaceTracker | None:
    """The face tracker, where its weights are there: nothing is fetched for a page."""
    from lsbench.networks import weights

    try:
        return FaceTracker(*weights.require("face_landmarker", offline=True))
    except (WeightsError, FaceError):
        return None


def _generated(run: Path, asked: str, ids: Sequence[str], reference: Path | None) -> tuple[dict[str, Path], str]:
    made = run / "videos"
    folder = made if made.is_dir() else Path(asked)
    if not asked or not folder.exists():
        return {}, f"generated video not found: neither {made} nor a folder {asked} is there; was the run moved?"
    try:
        return match_folder(folder, ids, reference).videos, f"generated video not found: {folder} has none of this clip"
    except LsbenchError as error:
        return {}, f"generated video not found: {error}"


def _references(request: Mapping[str, Any], asked: Path | None) -> tuple[dict[str, Path], str]:
    if asked is not None:
        return clips_at(asked), f"real video not found: {asked} has none of this clip"
    if request["protocol"].get("task") == "alone":
        return {}, "no real video: the run was scored without reference clips"
    folder = request.get("reference")
    hint = "pass --reference DIR, the folder of the real clips"
    if not folder:
        return {}, f"real video not found: the run does not say where its clips lie; {hint}"
    if not Path(folder).exists():
        return {}, f"real video not found: there is no folder {folder} any more; {hint}"
    try:
        return clips_at(Path(folder)), f"real video not found: {folder} has none of this clip; {hint}"
    except LsbenchError as error:
        return {}, f"real video not found: {error}; {hint}"
