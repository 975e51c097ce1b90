"""Whether the face stays the same person: the cosine similarity of face embeddings (CSIM), and its like by dlib."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError, WeightsError
from lsbench.face.track import FaceTrack, Region
from lsbench.media.clip import Clip
from lsbench.metrics._base.images import checked_frames
from lsbench.metrics._base.landmarks import checked_landmarks, mean_defined, tracked_landmarks
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats

if TYPE_CHECKING:
    from lsbench.networks.face_network import FaceNetwork

AGAINST = ("reference", "start")
LOST = 0.0  # the similarity that a frame counts in which the generated clip alone shows no face


def face_similarity(
    reference: np.ndarray,
    generated: np.ndarray,
    reference_landmarks: np.ndarray,
    generated_landmarks: np.ndarray,
    network: FaceNetwork,
) -> float:
    """Mean similarity of faces, frame by frame (see face_similarity_frames).

    Args:
        reference, generated, reference_landmarks, generated_landmarks, network: as there.

    Returns:
        -1 to 1; NaN where the reference shows no face.
    """
    return mean_defined(face_similarity_frames(reference, generated, reference_landmarks, generated_landmarks, network))


def face_similarity_frames(
    reference: np.ndarray,
    generated: np.ndarray,
    reference_landmarks: np.ndarray,
    generated_landmarks: np.ndarray,
    network: FaceNetwork,
) -> npt.NDArray[np.float64]:
    """Cosine similarity of the embeddings of two faces, of each frame.

    Args:
        reference, generated: uint8 (T, H, W, 3) RGB of one shape.
        reference_landmarks, generated_landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        network: of lsbench.networks.dlib_face.load() or lsbench.networks.arcface.load().

    Returns:
        float64 (T,): NaN where the reference shows no face, 0 where the generated clip alone shows none.

    Raises:
        MetricError: where they are not of this kind, or not of one length.
    """
    clips = checked_frames("face similarity", reference, generated)
    points = checked_landmarks("face similarity", reference_landmarks, generated_landmarks)
    if len(clips[0]) != len(points[0]):
        raise MetricError(f"face similarity: {len(clips[0])} frames, {len(points[0])} landmarks; expected as many")
    one, other = (network.embeddings(frames, faces) for frames, faces in zip(clips, points, strict=True))
    return _against_reference(one, other)


@dataclass(frozen=True, kw_only=True)
class FaceSimilarity(Metric):
    """Base of the cosine similarities of face embeddings, -1 to 1, 1 for the same picture; the mean over frames.

    Every `every`-th frame is looked at, from the middle of the first `every` frames on. Each clip's face is found by
    one tracker and brought upright by its own landmarks.

    against=reference: with the reference's face in the same frame. A frame in which the reference shows no face is left
    out; one in which only the generated clip shows none counts 0, so that losing the face never pays.

    against=start, where there is no reference, or none that is the truth: with the mean of the clip's own embeddings,
    each of length 1, of its first `start_s` seconds. Those frames have no value themselves, and frames without a face
    are left out. It sees a face that drifts, not one that was the wrong person from the start.
    """

    better: ClassVar[Literal["higher", "lower"]] = "higher"
    regions: ClassVar[tuple[Region, ...]] = ()
    needs_landmarks: ClassVar[bool] = True
    module: ClassVar[str]  # whose load() gives the network

    against: str = field(default=AGAINST[0], metadata={"choices": AGAINST})
    every: int = 25
    start_s: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every < 1:
            raise MetricError(f"metric {self.name}: option every={self.every}; expected 1 frame or more")
        if not 0 < self.start_s < math.inf:
            raise MetricError(f"metric {self.name}: option start_s={self.start_s}; expected more than 0 seconds")

    @property
    def paired(self) -> bool:  # type: ignore[override]
        """Whether it compares with the reference."""
        return self.against == "reference"

    def without_truth(self) -> Metric:
        """The same against the clip's own start."""
        return replace(self, against="start")

    def reach_frames(self, fps: float) -> int:
        """Every frame on its own."""
        return 0

    def look(self, pair: ClipPair) -> Stats:
        """What is seen in those of a window's own frames that are looked at.

        place: int64 (n,), of the frame in the clip. generated and, where it compares with it, reference: float32
        (n, width), embeddings, NaN in frames without a face.
        """
        network, tracks = self._network(pair), pair.whole.landmarks
        if tracks is None:
            raise MetricError(f"clip {pair.generated.id}: {self.name} needs the landmarks of both clips")
        first, stop, _ = pair.own.indices(len(pair))
        places = np.arange(min(self.every, len(pair.whole)) // 2, len(pair.whole), self.every)
        places = places[(places >= pair.place + first) & (places < pair.place + stop)]

        def seen(clip: Clip, track: FaceTrack, keep: bool) -> np.ndarray:
            return network.embeddings(
                clip.frames[places - pair.place], tracked_landmarks(track.taken(places)), keep=keep
            )

        rows: dict[str, Any] = {"place": places, "generated": seen(pair.generated, tracks[1], keep=False)}
        if self.paired:
            rows["reference"] = seen(pair.reference, tracks[0], keep=pair.reference_sha256 is not None)
        return Stats(**rows)

    def conclude(self, seen: Stats, pair: ClipPair) -> Stats:
        """One row a frame.

        similarity: float64 (T,), NaN where there is none. measured, expected, found: bool (T,), whether the frame was
        looked at to be compared, and then whether it should show a face, and whether the generated clip does.
        """
        places, generated = seen["place"], seen["generated"]
        if self.paired:
            measured, expected = np.ones(len(places), bool), _shows_face(seen["reference"])
            similarity = _against_reference(seen["reference"], generated)
        else:
            measured = expected = places >= self.start_s * pair.generated.fps
            similarity = np.where(measured, _against_start(generated, ~measured), np.nan)
        columns = {
            "similarity": similarity,
            "measured": measured,
            "expected": expected,
            "found": expected & _shows_face(generated),
        }
        rows = {name: np.zeros(len(pair), column.dtype) for name, column in columns.items()}
        rows["similarity"][:] = np.nan
        for name, column in columns.items():
            rows[name][places] = column
        return Stats(**rows)

    def measure(self, pair: ClipPair) -> Stats:
        """The rows of conclude(), of a clip that is seen whole."""
        return self.conclude(self.look(pair), pair)

    def compute(self, stats: Stats) -> float:
        """The mean over frames that have a value."""
        return mean_defined(stats["similarity"])

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        return stats["similarity"]

    def note(self, stats: Stats) -> str | None:
        """Which frames are looked at, and in how many of them there is no face."""
        measured, expected, found = (np.count_nonzero(stats[name]) for name in ("measured", "expected", "found"))
        notes = [f"measured in {measured} of {stats.rows} frames"] if measured < stats.rows else []
        if expected < measured:
            notes.append(f"face found in {expected} of {measured} reference frames, the others left out")
        if found < expected:
            lost = f"counted as {LOST:g}" if self.paired else "left out"
            notes.append(f"face found in {found} of {expected} generated frames, the others {lost}")
        if not self.paired and math.isnan(self.compute(stats)):
            notes.append(f"undefined: it takes a face in the first {self.start_s:g} s, and another one later")
        return "; ".join(notes) or None

    def _network(self, pair: ClipPair) -> FaceNetwork:
        (name,) = self.weights
        if name not in pair.weights:
            raise WeightsError(
                f"clip {pair.generated.id}: {self.name} needs the weights {name}, and the pair names none; "
                f"pass --weights {name}=PATH"
            )
        network: FaceNetwork = import_module(self.module).load(pair.weights[name])
        return network


@dataclass(frozen=True, kw_only=True)
class CSIMDlib(FaceSimilarity):
    """As csim, by dlib's face embedding of 128 numbers: free weights, other numbers. Papers' CSIM is ArcFace's.

    The face is brought upright by the corners of the eyes and the middle of the upper lip, to a picture of 150 x 150 px
    in which they lie where dlib's own five points leave them on average (lsbench.networks.dlib_face). Two pictures of
    one person read above 0.95, of two persons 0.72 to 0.95 on GRID: the scale begins high.
    """

    name: ClassVar[str] = "csim_dlib"
    asks: ClassVar[str] = "Is it the same person, to dlib's face network?"
    source: ClassVar[str] = "King 2017, dlib_face_recognition_resnet_model_v1"
    weights: ClassVar[tuple[str, ...]] = ("dlib_face",)
    libraries: ClassVar[tuple[str, ...]] = ("dlib-bin",)
    extra: ClassVar[str] = "identity"
    module: ClassVar[str] = "lsbench.networks.dlib_face"


@dataclass(frozen=True, kw_only=True)
class CSIM(FaceSimilarity):
    """Cosine similarity of ArcFace embeddings, by an ONNX file of the user's own: `--weights arcface=PATH`.

    The file's digest is part of what a run states, for two files of other training give other numbers. It takes faces
    of 112 x 112 px, brought upright by the middles of the eyes and the corners of the mouth (see
    lsbench.networks.arcface), RGB as (value - 127.5) / 127.5; others are refused.
    """

    name: ClassVar[str] = "csim"
    asks: ClassVar[str] = "Is it the same person, to an ArcFace network of yours?"
    source: ClassVar[str] = "Deng, Guo, Xue, Zafeiriou 2019, ArcFace, CVPR, arXiv 1801.07698"
    weights: ClassVar[tuple[str, ...]] = ("arcface",)
    extra: ClassVar[str] = "onnx"
    module: ClassVar[str] = "lsbench.networks.arcface"


def _shows_face(embeddings: np.ndarray) -> npt.NDArray[np.bool_]:
    """Which frames have an embedding: bool (n,)."""
    return np.isfinite(embeddings).all(axis=1)


def _against_reference(reference: np.ndarray, generated: np.ndarray) -> npt.NDArray[np.float64]:
    """Similarity of embeddings (n, d) frame by frame: NaN where reference has none, LOST where generated alone has."""
    similarity = np.einsum("nd,nd->n", _unit(reference), _unit(generated))
    return np.where(_shows_face(reference) & ~_shows_face(generated), LOST, similarity)


def _against_start(embeddings: np.ndarray, start: np.ndarray) -> npt.NDArray[np.float64]:
    """Similarity of embeddings (n, d) to the mean of those that `start`, bool (n,), names; NaN where there is none."""
    unit = _unit(embeddings)
    first = unit[start & _shows_face(embeddings)]
    if not len(first):
        return np.full(len(unit), np.nan)
    return np.einsum("nd,d->n", unit, _unit(first.mean(axis=0)[None])[0])


def _unit(embeddings: np.ndarray) -> npt.NDArray[np.float64]:
    """Embeddings (n, d) of length 1."""
    exact = embeddings.astype(np.float64)
    return exact / np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), np.finfo(np.float64).tiny)
