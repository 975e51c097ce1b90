"""Runs for the tests of pages."""

from __future__ import annotations

import json
from pathlib import Path

import lsbench
from lsbench.corpus.toy.render import write_corpus
from lsbench.generation.render import generate
from lsbench.protocol import protocol

EVIL = "<script>alert(1)</script>"


def make_runs(folder: Path) -> list[Path]:
    """reference/, generated/ and runs/: a blurred mouth, and one more under a name that is markup."""
    write_corpus(folder / "reference", speakers=2, clips=1, frames=25, size=96)
    odd = folder / "reference" / "t2"
    for path in list(odd.iterdir()):
        path.rename(odd / path.name.replace("a0", 'it\'s "<b>"'))
    bench = protocol.from_folder(folder / "reference")
    runs = []
    for name in ("blurred-mouth", "noisy-frame"):
        generate(name, bench, folder / "generated" / name)
        lsbench.score(folder / "generated" / name, protocol=bench, metrics=["psnr", "ssim"], out=folder / "runs")
        runs.append(folder / "runs" / name)
    result = json.loads((runs[1] / "result.json").read_text())
    (runs[1] / "result.json").write_text(json.dumps(result | {"name": EVIL}))
    return runs
