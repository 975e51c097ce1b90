"""The optional engine onnxruntime: a network exported once, kept beside the other caches, run on one thread a batch."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.errors import MetricError
from lsbench.system.cache import cache_dir, write_atomically


def load(name: str, sha256: str, size: int, build: Callable[[], Any]) -> Callable[[np.ndarray], np.ndarray]:
    """Prepared images float32 (B, 3, size, size) to features, by the exported network; build() gives the network.

    name, sha256: of the network with its revision, and of its weights, under which the export is kept.
    """
    try:
        import onnx  # noqa: F401  (the export needs it)
        import onnxruntime
    except ImportError as error:
        raise MetricError(f"engine onnx: {error.name} is not installed. pip install 'lsbench[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3

    def session(graph: bytes) -> Any:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    kept = cache_dir() / "networks" / f"{name}-{sha256[:16]}-torch{version('torch')}.onnx"
    try:
        engine = session(kept.read_bytes())
    except Exception:  # missing, unreadable or damaged: onnxruntime has no common error; it costs the export alone
        graph = _export(build(), size)
        with suppress(OSError):
            write_atomically(kept, lambda file: file.write(graph))
        engine = session(graph)
    return lambda images: engine.run(None, {"images": images})[0]


def _export(network: Any, size: int) -> bytes:
    import torch

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / "network.onnx"
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter needs one more package
        torch.onnx.export(
            network,
            (torch.zeros(2, 3, size, size),),
            str(path),
            input_names=["images"],
            output_names=["features"],
            dynamic_axes={"images": {0: "batch"}, "features": {0: "batch"}},
            dynamo=False,
        )
        return path.read_bytes()
