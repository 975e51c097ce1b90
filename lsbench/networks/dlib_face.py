"""dlib's face embedding: a residual network of 29 layers that gives 128 numbers, run by dlib itself.

King 2017, https://blog.dlib.net/2017/02/high-quality-face-recognition-with-deep.html: trained so that two pictures of
one person lie within a Euclidean distance of 0.6.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from lsbench.errors import MetricError
from lsbench.face.track import EYE_CORNERS, OUTER_LIPS
from lsbench.networks import weights
from lsbench.networks.face_network import FaceNetwork, unusable

NAME = "dlib_face"
WIDTH, SIZE = 128, 150
REVISION = 1
# Where the chip shows the four corners of the eyes, from left to right, and the middle of the upper lip's outline, px.
# dlib's own five points are the corners of the eyes and the bottom of the nose, by a predictor of its own. These are
# where its chips show ours: the mean of 22 people, 165 pictures, both halves of the face made alike (docs/identity.md).
POINTS = (*range(EYE_CORNERS.start, EYE_CORNERS.stop), OUTER_LIPS.start + 15)
PLACES = ((36.7, 46.9), (59.5, 48.1), (88.5, 48.1), (111.3, 46.9), (74.0, 99.4))


def load(path: Path) -> FaceNetwork:
    """The network with the weights in a file such as `dlib_face` of lsbench.networks.weights.

    Raises:
        MetricError: where dlib is not installed.
        WeightsError: where the file is no such network.
    """
    return _load(path, weights.sha256(path))


@lru_cache(maxsize=2)
def _load(path: Path, sha256: str) -> FaceNetwork:
    """sha256 tells a changed file from the one loaded."""
    try:
        import dlib
    except ImportError as error:
        raise MetricError(f"dlib_face: {error}. pip install 'lsbench[identity]'") from error
    try:
        network = dlib.face_recognition_model_v1(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise unusable(NAME, path, f"dlib cannot read it as its face recognition network ({reason})") from error
    alone = Lock()  # the network keeps what it computes of a face in itself

    def embed(picture: np.ndarray) -> np.ndarray:
        with alone:
            return np.array(network.compute_face_descriptor(picture), np.float32)

    return FaceNetwork(
        name=NAME,
        path=path,
        width=WIDTH,
        size=SIZE,
        chip=chip,
        embed=embed,
        maker=(NAME, REVISION, sha256, version("dlib-bin")),
    )


def chip(frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face as the network is given it, cut and resized by dlib: uint8 (150, 150, 3).

    By the similarity transform that brings the five points nearest to their places, in least squares.

    Args:
        frame: uint8 (H, W, 3) RGB.
        landmarks: float64 (80, 2) px.
    """
    import dlib

    def points(places: Any) -> Any:
        return dlib.dpoints([dlib.dpoint(float(x), float(y)) for x, y in places])

    details = dlib.chip_details(points(PLACES), points(landmarks[list(POINTS)]), dlib.chip_dims(SIZE, SIZE))
    picture: np.ndarray = dlib.extract_image_chip(np.ascontiguousarray(frame), details)
    return picture[:SIZE, :SIZE]  # dlib cuts a pixel more where the face has the very size and turn
