"""Files in the working directory that bear the names of modules."""

from __future__ import annotations

from pathlib import Path

from cases_out import REFERENCE, Make, stocked
from hostile import Case, Stock

SHADOWS = ("pandas", "numpy", "scipy", "torch", "av", "onnx", "dlib", "tensorboard", "random", "copy", "queue")
GOOD = "import helper\ndef make(face, speech):\n    import late_helper\n    return face.frames\n"


def shadowed(**modules: str) -> Make:
    """The stock, files that bear the names of packages and end whoever imports them, and modules of the user's."""

    def make(folder: Path, stock: Stock) -> None:
        stocked(folder, stock)
        for name in SHADOWS:
            (folder / f"{name}.py").write_text("raise SystemExit('imported from the working directory')\n")
        for name, text in modules.items():
            (folder / f"{name}.py").write_text(text)

    return make


SCORED = ("score", "py:mymodel:make", *REFERENCE, "--metric", "psnr", "--no-anchors", "--out", "out")
CASES = [
    Case(
        "score by a module beside files with names of packages",
        SCORED,
        shadowed(mymodel=GOOD, helper="", late_helper=""),
        status=0,
        changes=["out"],
    ),
    *(
        Case(
            f"score by a module that has the name of {name}",
            ["score", f"py:{name}:make", *SCORED[2:]],
            shadowed(**{name: GOOD}),
            words=[f"{name}.py has the name of a module that", "rename it"],
        )
        for name in ("pandas", "dlib", "onnx", "queue", "baselines", "sched")
    ),
    Case(
        "score by a metric that has the name of a package",
        ["score", "made", *REFERENCE, "--metric", "py:onnx:Mine", "--no-anchors", "--out", "out"],
        shadowed(),
        words=["onnx.py has the name of a module that", "rename it"],
    ),
]
