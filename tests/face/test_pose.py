"""How a head is turned: known rotations, and the same head elsewhere in the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from lsbench.errors import WeightsError
from lsbench.face.expression import BLENDSHAPES
from lsbench.face.pose import _MODEL, rotation
from lsbench.face.tracker import FaceTracker
from lsbench.media.clip import Clip
from lsbench.media.files import read_clip
from lsbench.networks import weights


@pytest.mark.parametrize("turn", [(0, 0, 0), (20, -30, 10), (-5, 60, 45)])
def test_a_turned_model_tells_how_it_is_turned(turn: tuple[float, ...]) -> None:
    turned = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    mesh = (_MODEL @ turned.T) * (1, -1, -1) * 11.3 + (620, 140, 7)
    assert np.allclose(rotation(mesh), turned, atol=1e-6)
    noisy = mesh + np.random.default_rng(0).normal(0, 1, mesh.shape)  # 1 px of a face 180 px wide
    assert degrees(rotation(noisy), turned) < 1
    assert np.linalg.det(rotation(noisy)) == pytest.approx(1, abs=1e-5)


def degrees(one: np.ndarray, other: np.ndarray) -> float:
    """The angle between two rotations."""
    return float(np.degrees(Rotation.from_matrix(one.T @ other).magnitude()))


@pytest.mark.slow
def test_a_small_face_is_turned_as_it_is_in_the_middle(grid: Path) -> None:
    """In a tile, at the edge of a picture: MediaPipe's matrix is 4 degrees off there and more."""
    try:
        tracker = FaceTracker(*weights.require("face_landmarker"))
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")
    large = read_clip(grid / "s1/bbaf2n.mpg", "s1/bbaf2n").frames[:4]
    small = np.full((4, 720, 1280, 3), 90, np.uint8)
    small[:, 560:704, 1080:1260] = [np.asarray(Image.fromarray(frame).resize((180, 144))) for frame in large]
    one, other = (tracker.measure(Clip("a", frames, np.zeros(0, np.float32), 25.0)) for frames in (large, small))
    assert other.found.all()
    assert one.pose is not None
    assert other.pose is not None
    assert max(degrees(*both) for both in zip(one.pose, other.pose, strict=True)) < 1.5
    assert one.blendshapes is not None
    assert other.blendshapes is not None
    lids = BLENDSHAPES.index("eyeBlinkLeft")
    assert np.abs(one.blendshapes - other.blendshapes)[:, lids].max() < 0.15
