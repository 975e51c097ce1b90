"""The optional extras of lsbench that metrics need: nobody has to install what he does not measure."""

from __future__ import annotations

from importlib.util import find_spec

# What each extra brings.
MODULES = {
    "identity": "dlib",
    "onnx": "onnxruntime",
    "visemes": "pocketsphinx",
    "vmaf": "imageio_ffmpeg",
}


def lacking(extra: str) -> str | None:
    """What is not installed of an extra, and the remedy; None where it is, or where lsbench has no such extra."""
    module = MODULES.get(extra)
    return f"{module} is not installed. {remedy(extra)}" if module and find_spec(module) is None else None


def remedy(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'lsbench[{extra}]'"
