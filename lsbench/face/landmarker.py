"""MediaPipe's face landmarker: every face of one picture, as the 80 points of lsbench.face.track."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from lsbench.errors import FaceError

# Points of MediaPipe's face mesh in the order of lsbench.face.track: face oval, outer lips, inner lips, eye corners.
# fmt: off
MESH_POINTS = np.array([
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
    33, 133, 362, 263,
])
# fmt: on
MOST_FACES = 5  # of one picture; with one face in it, looking for five takes no longer

_silence = threading.Lock()  # the process has one stderr


class Landmarker:
    """MediaPipe's FaceLandmarker (Tasks API) in image mode, as a context.

    Every picture is looked at on its own, without smoothing over time. Opening takes about 50 ms, and it must be closed
    before the process ends.
    """

    def __init__(self, model: Path) -> None:
        self.model = model
        self._task: Any = None

    def __enter__(self) -> Landmarker:
        """Open the model; FaceError where MediaPipe or the file cannot be loaded."""
        with _native_stderr_silenced():
            try:
                options_of_all, vision = _tasks()
            except (ImportError, OSError) as error:
                raise FaceError(
                    f"MediaPipe cannot be loaded ({error}); it needs the system's GL libraries, on Debian and Ubuntu: "
                    "apt-get install libgl1 libegl1 libgles2"
                ) from error
            options = vision.FaceLandmarkerOptions(
                base_options=options_of_all(model_asset_path=str(self.model)),
                running_mode=vision.RunningMode.IMAGE,
                num_faces=MOST_FACES,
            )
            try:
                self._task = vision.FaceLandmarker.create_from_options(options)
            except (RuntimeError, ValueError, OSError) as error:
                raise FaceError(f"{self.model}: not a face landmarker model ({error})") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.close()

    def faces(self, picture: np.ndarray) -> list[np.ndarray]:
        """The faces of a picture, uint8 (H, W, 3): float64 (80, 2) px each, the surest first.

        A face is found from about a tenth of the longer side on: the detector sees the picture at 128x128.
        """
        import mediapipe

        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        height, width = picture.shape[:2]
        return [
            np.array([(face[point].x, face[point].y) for point in MESH_POINTS]) * (width, height) - 0.5
            for face in self._task.detect(image).face_landmarks
        ]


@cache
def _tasks() -> tuple[Any, Any]:
    """BaseOptions and vision of MediaPipe's tasks, imported on a stack of its own.

    MediaPipe keeps the error of an import that failed within, and with it the stack below: all that our callers hold.
    """

    def load() -> tuple[Any, Any]:
        from mediapipe.tasks.python import BaseOptions, vision

        return BaseOptions, vision

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(load).result()


@contextlib.contextmanager
def _native_stderr_silenced() -> Iterator[None]:
    """Keep the C++ start-up chatter of MediaPipe off the terminal."""
    with _silence:
        saved = os.dup(2)
        try:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
