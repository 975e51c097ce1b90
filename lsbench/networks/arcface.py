"""ArcFace: a network that tells faces apart, from an ONNX file of the user's own, run by onnxruntime.

Deng, Guo, Xue, Zafeiriou 2019, arXiv 1801.07698. Files differ in backbone and training; what they share is their input,
a face of 112 x 112 px, aligned by five points, RGB as (value - 127.5) / 127.5.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lsbench.errors import MetricError
from lsbench.face.track import EYE_CORNERS, MOUTH_CORNERS
from lsbench.networks import weights
from lsbench.networks.face_network import FaceNetwork, unusable

NAME = "arcface"
SIZE = 112
REVISION = 1
MIDDLE = 127.5  # level that the network sees as 0, and how many levels from there are 1
# Where the customary template of five points has the eyes, left and right in the picture, and the corners of the mouth,
# px. The fifth, the tip of the nose, is left out: our landmarks have none.
PLACES = np.array([(38.2946, 51.6963), (73.5318, 51.5014), (41.5493, 92.3655), (70.7299, 92.2041)])
ARITHMETIC = ("Add", "Sub", "Mul", "Div")


def load(path: Path) -> FaceNetwork:
    """The network in an ONNX file.

    Raises:
        MetricError: where onnxruntime is not installed.
        WeightsError: where the file is no such network.
    """
    return _load(path, weights.sha256(path))


@lru_cache(maxsize=2)
def _load(path: Path, sha256: str) -> FaceNetwork:
    """sha256 tells a changed file from the one loaded."""
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise MetricError(f"arcface: {error.name} is not installed. pip install 'lsbench[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        graph = onnx.load(path, load_external_data=False).graph
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # neither library has a common error
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise unusable(NAME, path, f"not an ONNX network that onnxruntime can run ({reason})") from error
    source = _input(session, path)
    if (scaling := next((node.op_type for node in graph.node if source in node.input), "")) in ARITHMETIC:
        raise unusable(
            NAME,
            path,
            f"its first operation on the pixels is {scaling}, so that it scales them itself; expected a network that "
            "takes them as (value - 127.5) / 127.5",
        )

    def embed(chip: np.ndarray) -> np.ndarray:
        image = (chip.astype(np.float32).transpose(2, 0, 1)[None] - MIDDLE) / MIDDLE
        embedding: np.ndarray = session.run(None, {source: image.astype(np.float32)})[0][0]
        return embedding

    return FaceNetwork(
        name=NAME,
        path=path,
        width=_width(session, source, path),
        size=SIZE,
        chip=chip,
        embed=embed,
        maker=(NAME, REVISION, sha256, version("onnxruntime")),
    )


def chip(frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face as the network is given it: uint8 (112, 112, 3), black where the frame ends.

    By the similarity transform that brings the middles of the eyes and the corners of the mouth nearest to their
    places, in least squares; bilinear, as the authors' code.

    Args:
        frame: uint8 (H, W, 3) RGB.
        landmarks: float64 (80, 2) px.
    """
    corners = landmarks[EYE_CORNERS]
    points = np.stack([corners[:2].mean(axis=0), corners[2:].mean(axis=0), *landmarks[list(MOUTH_CORNERS)]])
    return cv2.warpAffine(np.ascontiguousarray(frame), similarity(points, PLACES), (SIZE, SIZE), flags=cv2.INTER_LINEAR)


def similarity(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Scale, turn and shift, (2, 3), that bring points (n, 2) nearest to places (n, 2), in least squares."""
    here, there = (pairs[:, 0] + 1j * pairs[:, 1] for pairs in (points, places))
    middle, aim = here.mean(), there.mean()
    spread = max(np.vdot(here - middle, here - middle).real, np.finfo(np.float64).tiny)
    turn = np.vdot(here - middle, there - aim) / spread
    shift = aim - turn * middle
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def _input(session: Any, path: Path) -> str:
    """The name of the network's one input; WeightsError unless it takes a face as ArcFace networks do."""
    inputs = session.get_inputs()
    shapes = ", ".join(f"{each.name} {each.type} {tuple(each.shape)}" for each in inputs)
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or list(inputs[0].shape[1:]) != [3, SIZE, SIZE]:
        raise unusable(NAME, path, f"its input is {shapes}; expected one, tensor(float) (faces, 3, {SIZE}, {SIZE})")
    name: str = inputs[0].name
    return name


def _width(session: Any, source: str, path: Path) -> int:
    """How many numbers the network gives of a face; WeightsError unless it gives one row of them."""
    try:
        given = session.run(None, {source: np.zeros((1, 3, SIZE, SIZE), np.float32)})
    except Exception as error:  # onnxruntime has no common error
        raise unusable(NAME, path, f"it fails on one face ({str(error).strip().splitlines()[0]})") from error
    shapes = [tuple(np.shape(each)) for each in given]
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][0] != 1:
        raise unusable(NAME, path, f"it gives {', '.join(map(str, shapes))} of one face; expected one embedding (1, n)")
    return shapes[0][1]
