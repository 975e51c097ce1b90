"""How a head is turned: the rotation that lays MediaPipe's model of a face on the mesh of one that was found.

Not the matrix of MediaPipe's landmarker, which goes by an imagined camera in the middle of whatever picture it is
given: a face elsewhere in the picture, or in a tile of it, is turned by 2 to 13 degrees there, here by less than 1.
"""

from __future__ import annotations

import numpy as np

# Points of the mesh that speech moves little, by which MediaPipe's geometry pipeline lays its model on a face: one on
# the person's right and its mirror image, |x| from the middle, y up, z to the front, cm, and the weight of each. Those
# in the middle are their own images, at half their weight. From MediaPipe's canonical face model (Apache 2.0).
# fmt: off
_PAIRS = np.array([
    (4, 4, 0, -0.46317, 7.58658, 0.03545),
    (6, 6, 0, 2.47325, 5.78863, 0.01605),
    (10, 10, 0, 8.26178, 4.48153, 0.004223),
    (33, 263, 4.44586, 2.66399, 3.17342, 0.05872),
    (54, 284, 6.27933, 6.61543, 1.42585, 0.007667),
    (67, 297, 3.52396, 8.00598, 3.72916, 0.009078),
    (117, 346, 5.25866, 0.945811, 2.97431, 0.009792),
    (119, 348, 3.30068, 0.861641, 3.87278, 0.01457),
    (121, 350, 1.82073, 1.46795, 4.22412, 0.01859),
    (127, 356, 7.74309, 2.365, -2.00517, 0.005198),
    (129, 358, 1.78579, -0.978284, 4.85047, 0.1206),
    (132, 361, 7.2709, -2.89092, -2.25245, 0.00556),
    (133, 362, 1.85643, 2.58524, 3.7579, 0.05329),
    (136, 365, 5.08528, -7.17859, 0.714711, 0.06689),
    (143, 372, 6.40757, 2.23602, 1.56084, 0.01482),
    (147, 376, 6.23488, -1.94443, 1.66354, 0.01426),
    (198, 420, 1.24681, 0.230297, 5.68104, 0.02546),
    (205, 425, 3.83293, -1.53733, 4.13773, 0.04725),
])
# fmt: on
BASIS_POINTS = _PAIRS[:, :2].T.ravel().astype(np.intp)  # of the mesh, int (36,)
_MODEL = np.concatenate([_PAIRS[:, 2:5] * (-1, 1, 1), _PAIRS[:, 2:5]])  # cm
_WEIGHTS = np.tile(_PAIRS[:, 5:], (2, 1))
_PULL = _WEIGHTS * (_MODEL - np.average(_MODEL, axis=0, weights=_WEIGHTS[:, 0]))


def rotation(mesh: np.ndarray) -> np.ndarray:
    """The rotation of a head against the picture: float32 (3, 3), from directions of the face to the picture's.

    Both have x to the right of the image, y up and z to the front; the identity looks straight out of the picture. The
    weighted least-squares fit (Kabsch) of the model's points to the mesh's as a parallel projection shows them, so that
    neither the place of a face in the picture nor its size counts.

    Args:
        mesh: points BASIS_POINTS of the mesh, (36, 3) px: x to the right, y down, z away from the viewer.
    """
    seen = mesh * (1, -1, -1)
    left, _, right = np.linalg.svd((seen - seen.mean(axis=0)).T @ _PULL)
    left[:, 2] *= np.sign(np.linalg.det(left @ right))
    return np.asarray(left @ right, np.float32)
