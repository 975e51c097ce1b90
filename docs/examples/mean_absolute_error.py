"""A metric of one's own: `lsbench score GENERATED --reference REAL --metric py:mean_absolute_error:MAE`."""

import numpy as np

from lsbench import FrameMetric


class MAE(FrameMetric):
    """Mean absolute error, 8-bit levels."""

    name, better, source = "mae", "lower", "own definition"
    asks = "How far is a pixel off, on average?"

    def values(self, reference, generated):  # uint8 (T, h, w, 3) twice -> float64 (T,)
        return np.abs(reference.astype(np.int16) - generated).mean((1, 2, 3))
