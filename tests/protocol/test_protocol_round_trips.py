"""Manifests and protocol files: whatever clips and rules are written down are read again."""

from __future__ import annotations

import csv
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsbench.face.track import Region
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.protocol import protocol
from lsbench.protocol.manifest import Reference, read_manifest
from lsbench.protocol.protocol import Protocol


def _plain(name: str) -> bool:
    return name.isprintable() and name == name.strip() and not {"", ".", ".."} & set(name.split("/"))


# Names in composed letters, as they are read; commas and quotes are for the CSV to keep.
NAMES = (
    st.text(
        st.one_of(st.sampled_from("ab, \"'é-_ß語/"), st.characters(exclude_characters="\\")), min_size=1, max_size=9
    )
    .map(lambda name: unicodedata.normalize("NFC", name))
    .filter(_plain)
)
SHA256 = st.one_of(st.none(), st.text("0123456789abcdef", min_size=64, max_size=64))
IDS = st.lists(st.tuples(NAMES.filter(lambda name: "/" not in name), NAMES), min_size=1, max_size=6, unique=True)


@st.composite
def manifests(draw: st.DrawFn, dubbing: bool | None = None) -> tuple[Reference, ...]:
    """Clips of a manifest; dubbing: each is driven by another's sound, or each by its own, or (None) by any."""
    ids = draw(IDS)
    if dubbing and len(ids) < 2:
        ids = [*ids, (f"{ids[0][0]}x", ids[0][1])]
    names = [f"{speaker}/{clip}" for speaker, clip in ids]
    clips = []
    for name, (speaker, _) in zip(names, ids, strict=True):
        others = [other for other in names if other != name]
        sounds = {True: others, False: [""], None: ["", *names]}[dubbing]
        clips.append(Reference(name, speaker, draw(SHA256), audio=draw(st.sampled_from(sounds))))
    return tuple(clips)


def write_manifest(path: Path, clips: tuple[Reference, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["speaker", "clip", "sha256", "audio"])
        for clip in clips:
            rows.writerow([clip.speaker, clip.id.removeprefix(f"{clip.speaker}/"), clip.sha256 or "", clip.audio])


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    @given(manifests())
    def written(clips: tuple[Reference, ...]) -> None:
        write_manifest(tmp_path / "clips.csv", clips)
        assert read_manifest(tmp_path / "clips.csv") == clips

    written()


METRICS = st.lists(
    st.sampled_from(["psnr", "ssim", "ssim:color=luma", "ssim:window=7", "gmsd"]), min_size=1, unique=True
)
TASKS = {
    "reconstruction": st.one_of(st.integers(1, 9999).map("shifted:{}".format), st.just("masked-video")),
    "still": st.just("first-frame"),
    "dubbing": st.sampled_from(["shifted:3", "masked-video", "first-frame"]),
}


@st.composite
def protocols(draw: st.DrawFn) -> Protocol:
    """A protocol with a manifest, and rules of every kind."""
    task = draw(st.sampled_from(sorted(TASKS)))
    metrics, regions = draw(METRICS), draw(st.lists(st.sampled_from(Region), min_size=1, unique=True))
    rules: dict[str, Any] = {
        "fps": draw(st.one_of(st.none(), st.floats(1e-3, 1e3))),
        "frames": draw(st.one_of(st.none(), st.integers(1, 10**6))),
        "sample_rate": draw(st.integers(1, 192000)),
        "align": draw(st.sampled_from(["strict", "trim", "lag"])),
        "color": draw(st.sampled_from(["rgb", "gray"])),
        "identity": draw(TASKS[task]),
        "metrics": tuple(metrics),
        "regions": tuple(regions),
        "rank_by": str(ScoreKey.parse(draw(st.sampled_from(metrics))).at(draw(st.sampled_from(regions)).value)),
    }
    name, version = draw(NAMES), draw(NAMES)
    return Protocol(name, version, draw(manifests(task == "dubbing")), task=task, **rules)  # type: ignore[arg-type]


def write_protocol(path: Path, bench: Protocol) -> None:
    """TOML writes texts, numbers and lists of texts as JSON does."""
    content = {"name": bench.name, "version": bench.version, "manifest": "clips.csv", **bench.rules}
    content |= {"metrics": bench.metrics, "regions": [region.value for region in bench.regions]}
    content |= {"rank_by": bench.rank_by}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in content.items() if value is not None]
    path.write_text("\n".join(lines), encoding="utf-8")
    write_manifest(path.with_name("clips.csv"), bench.clips)


@pytest.mark.slow
def test_a_protocol_is_read_as_it_was_written(tmp_path: Path) -> None:
    @given(protocols())
    def written(bench: Protocol) -> None:
        write_protocol(tmp_path / "rules.toml", bench)
        assert protocol.read(tmp_path / "rules.toml") == bench

    written()


@pytest.mark.slow
@given(protocols())
def test_a_run_recalls_the_rules_that_it_wrote_down(bench: Protocol) -> None:
    described = json.loads(json.dumps({**bench.rules, "name": bench.name, "version": "1", "rank_by": bench.rank_by}))
    assert protocol.recall(described, bench.clips).rules == bench.rules
