"""Bundles of small runs of whatever clips: packed, unpacked byte for byte, and verified."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsbench.media.clip import Clip
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.pair import ClipPair
from lsbench.protocol.manifest import Reference
from lsbench.protocol.protocol import Protocol, describe
from lsbench.run.bundle import pack, unpack
from lsbench.run.fold import finish
from lsbench.run.folder import FORMAT, Run
from lsbench.run.result import Partial
from lsbench.run.verify import verify

PARTS = st.text(st.sampled_from("ab é語-_.,'"), min_size=1, max_size=5).filter(
    lambda name: name == name.strip(" .") and name[0] != "."
)
METRICS = [catalogue.metric(key) for key in ("psnr/whole", "psnr:pooling=mse/whole", "ssim:window=3/whole")]


@st.composite
def measured(draw: st.DrawFn) -> list[tuple[Reference, Partial]]:
    """Clips of a few frames of noise, some of them equal to their reference (a PSNR without bound), measured."""
    ids = draw(st.lists(st.tuples(PARTS, PARTS), min_size=1, max_size=3, unique_by=lambda pair: "/".join(pair).lower()))
    clips = []
    for speaker, name in ids:
        random, frames = np.random.default_rng(draw(st.integers(0, 99))), draw(st.integers(1, 3))
        shown = random.integers(0, 256, (2, frames, 8, 8, 3), dtype=np.uint8)
        clip_id, same = f"{speaker}/{name}", draw(st.booleans())
        reference, generated = (
            Clip(clip_id, shown[side], np.zeros(0, np.float32), 25.0) for side in (0, 0 if same else 1)
        )
        stats = {metric.key: metric.measure(ClipPair(reference, generated)) for metric in METRICS}
        partial = Partial(clip_id, "a" * 64, "b" * 64, frames, frames, 0, stats)
        clips.append((Reference(clip_id, speaker, "b" * 64), partial))
    return clips


def make_run(path: Path, clips: list[tuple[Reference, Partial]]) -> Run:
    """A finished run of them."""
    protocol, run = Protocol("folder", "1", tuple(clip for clip, _ in clips)), Run(path)
    request: dict[str, Any] = {"format": FORMAT, "name": path.name, "protocol": describe(protocol), "device": "cpu"}
    signatures = {metric.key: metric.signature for metric in METRICS}
    run.open(request | {"metrics": signatures, "tracker": None, "weights": {}, "versions": {}})
    for _, partial in clips:
        run.write_partial(partial)
    finish(run, protocol, METRICS)
    return run


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.filterwarnings("error::RuntimeWarning")
@settings(max_examples=12)
@given(measured())
def test_a_bundle_unpacks_to_the_bytes_of_its_run_and_verifies(clips: list[tuple[Reference, Partial]]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run = make_run(folder / "runs/mine", clips)
        bundle = pack(run.path, folder / "mine.zip")
        again = unpack(bundle, folder / "again")
        assert content(again.path) == content(run.path)
        assert pack(again.path, folder / "again.zip").read_bytes() == bundle.read_bytes()
        assert verify(bundle).scores == len(METRICS)
