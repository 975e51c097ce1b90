"""Runs for the tests of studies."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import lsbench
from lsbench.corpus.toy.render import write_corpus
from lsbench.generation.render import generate
from lsbench.protocol import protocol

EVIL = "<script>alert(1)</script>"


def make_runs(folder: Path, frames: int = 12) -> list[Path]:
    """reference/, generated/ and runs/: two runs over four short clips of two speakers, with tell-tale names."""
    write_corpus(folder / "toy", speakers=2, clips=2, frames=frames, size=96)
    for (speaker, clip), name in zip(itertools.product(("t1", "t2"), ("a0", "a1")), CLIPS, strict=True):
        for path in (folder / "toy" / speaker).glob(f"{clip}*"):
            target = folder / "reference" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target.parent / path.name.replace(clip, target.name))
    bench = protocol.from_folder(folder / "reference")
    runs = []
    for standin, name in zip(("noisy-frame", "blurred-mouth"), NAMES, strict=True):
        generate(standin, bench, folder / "generated" / standin)
        lsbench.score(
            folder / "generated" / standin, protocol=bench, name=standin, metrics=["psnr"], out=folder / "runs"
        )
        run = folder / "runs" / standin
        result = json.loads((run / "result.json").read_text())
        (run / "result.json").write_text(json.dumps(result | {"name": name}))
        runs.append(run)
    return runs


NAMES = (EVIL, "lipgan")


CLIPS = ("speakerone/clipalpha", "speakerone/clipbeta", "speakertwo/clipalpha", "speakertwo/clipbeta")
