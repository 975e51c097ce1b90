"""Bundles: the same bytes for the same run, and a named error for every way in which one can lie or be broken."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import lsbench
from lsbench.cli.main import main
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import BundleError
from lsbench.generation.render import generate
from lsbench.protocol import protocol
from lsbench.run.bundle import MANIFEST, pack
from lsbench.run.verify import verify


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """reference/, mine/ (videos) and runs/mine: two clips of two speakers."""
    folder = tmp_path_factory.mktemp("bundle")
    write_corpus(folder / "reference", speakers=2, clips=1, frames=6, size=96)
    generate("noisy-frame", protocol.from_folder(folder / "reference"), folder / "mine")
    lsbench.score(folder / "mine", reference=folder / "reference", metrics=["psnr", "ssim"], out=folder / "runs")
    return folder


@pytest.fixture
def packed(corpus: Path, tmp_path: Path) -> Path:
    return pack(corpus / "runs/mine", tmp_path / "mine.zip")


def changed(
    bundle: Path, changes: Mapping[str, bytes | None], *, listed: bool = True, kind: int = zipfile.ZIP_STORED
) -> Path:
    """The bundle with files changed, added or (None) removed; listed: its manifest says what it then holds."""
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files |= {name: content for name, content in changes.items() if content is not None}
    files = {name: content for name, content in files.items() if changes.get(name, b"") is not None}
    if listed:
        manifest = json.loads(files[MANIFEST])
        manifest["files"] = {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
            if name != MANIFEST
        }
        files[MANIFEST] = json.dumps(manifest).encode()
    out = bundle.with_name("changed.zip")
    with zipfile.ZipFile(out, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out


def held(bundle: Path, name: str) -> bytes:
    with zipfile.ZipFile(bundle) as archive:
        return archive.read(name)


def refused(bundle: Path, *said: str, **options: Any) -> None:
    with pytest.raises(BundleError) as caught:
        verify(bundle, **options)
    for words in (str(bundle), *said):
        assert words in str(caught.value)


def test_the_same_run_gives_the_same_bytes_wherever_it_lies(corpus: Path, packed: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus / "runs/mine", tmp_path / "elsewhere/mine")
    for path in (tmp_path / "elsewhere/mine").rglob("*"):
        path.touch()
    again = pack(tmp_path / "elsewhere/mine", tmp_path / "again.zip")
    assert again.read_bytes() == packed.read_bytes()
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == [
            "clips.parquet",
            "clips/t1/a0.npz",
            "clips/t2/a0.npz",
            "result.json",
            "run.json",
            MANIFEST,
        ]


def test_a_true_bundle_is_accepted_and_says_how_much_was_checked(corpus: Path, packed: Path) -> None:
    found = verify(packed)
    assert (found.result.name, found.scores, found.rescored) == ("mine", 6, False)
    done = CliRunner().invoke(main, ["verify", str(packed)])
    assert done.exit_code == 0 and "not scored again" in done.output


def test_scoring_again_gives_the_same_numbers(corpus: Path, packed: Path, tmp_path: Path) -> None:
    assert verify(packed, str(corpus / "mine"), reference=corpus / "reference").rescored
    shutil.copytree(corpus / "mine", tmp_path / "other")
    shutil.copy(tmp_path / "other/t1/a0.mp4", tmp_path / "other/t2/a0.mp4")
    refused(packed, "clip t2/a0", "another", generated=str(tmp_path / "other"), reference=corpus / "reference")
    write_corpus(tmp_path / "reference", speakers=2, clips=1, frames=6, size=96, seed=1)
    refused(packed, "other conditions", generated=str(corpus / "mine"), reference=tmp_path / "reference")


def test_clips_that_do_not_follow_from_the_videos_are_found(corpus: Path, packed: Path, tmp_path: Path) -> None:
    """Statistics forged together with everything that follows from them pass the folding, not the scoring."""
    from lsbench.metrics._base.catalogue import metrics
    from lsbench.metrics._base.stats import Stats
    from lsbench.run.fold import finish
    from lsbench.run.folder import Run
    from lsbench.run.result import Partial

    shutil.copytree(corpus / "runs/mine", tmp_path / "runs/mine")
    run = Run(tmp_path / "runs/mine")
    partial = run.read_partial("t1/a0")
    assert partial is not None
    better = Stats(ssim=np.minimum(1, partial.stats["ssim/mouth"]["ssim"] + 0.01))
    run.write_partial(Partial(**vars(partial) | {"stats": {**partial.stats, "ssim/mouth": better}}))
    bench = protocol.from_folder(corpus / "reference")
    wanted = tuple(metrics(["psnr", "ssim"], bench.regions))
    finish(run, bench, wanted)
    forged = pack(run.path, tmp_path / "forged.zip")
    verify(forged)
    refused(forged, "t1/a0", "scored again", generated=str(corpus / "mine"), reference=corpus / "reference")


def test_a_changed_number_is_found_with_and_without_a_changed_manifest(packed: Path) -> None:
    result = json.loads(held(packed, "result.json"))
    result["scores"]["ssim/mouth"]["value"] += 1e-4
    content = {"result.json": json.dumps(result).encode()}
    refused(changed(packed, content, listed=False), "result.json", "sha256")
    refused(changed(packed, content), "scores.ssim/mouth.value", "does not follow")
    table = pd.read_parquet(io.BytesIO(held(packed, "clips.parquet")))
    table.loc[0, "value"] += 0.01
    refused(changed(packed, {"clips.parquet": table.to_parquet(index=False)}), "value of psnr/whole", "t1/a0")


def test_files_too_many_or_too_few_are_found(packed: Path) -> None:
    clip = held(packed, "clips/t1/a0.npz")
    refused(changed(packed, {"clips/t1/a0.npz": None}, listed=False), "clips/t1/a0.npz is missing")
    refused(changed(packed, {"clips/t1/a0.npz": None}), "clips/t1/a0.npz is missing")
    refused(changed(packed, {"clips/t3/a0.npz": clip}, listed=False), "clips/t3/a0.npz is not part")
    refused(changed(packed, {"clips/t3/a0.npz": clip}), "clips/t3/a0.npz is not part")
    refused(changed(packed, {"clips/t1/a0.npz": held(packed, "clips/t2/a0.npz")}), "clip t1/a0 is damaged")
    refused(changed(packed, {MANIFEST: None}, listed=False), "no manifest.json")
    refused(changed(packed, {"clips.parquet": b"PAR1"}), "clips.parquet is not readable")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "clips/../../evil", "a\\b", "C:/evil", "clips//x", "clips/"])
def test_paths_that_leave_the_run_are_refused(packed: Path, name: str) -> None:
    refused(changed(packed, {name: b"x"}), "not a path below the run")


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_truncated_bundle_is_named(packed: Path, kept: float) -> None:
    content = packed.read_bytes()
    packed.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)])
    refused(packed, "damaged, or cut off")


def test_what_could_unfold_into_anything_is_refused(packed: Path) -> None:
    refused(changed(packed, {"zeros": bytes(1 << 20)}, kind=zipfile.ZIP_DEFLATED), "compressed")
    with np.load(io.BytesIO(held(packed, "clips/t1/a0.npz"))) as arrays:
        clip = io.BytesIO()
        np.savez_compressed(clip, **arrays)
    refused(changed(packed, {"clips/t1/a0.npz": clip.getvalue()}), "clips/t1/a0.npz is compressed inside")
    table = pd.read_parquet(io.BytesIO(held(packed, "clips.parquet")))
    many = pd.concat([table] * 1000).to_parquet(index=False)
    refused(changed(packed, {"clips.parquet": many}), "12000 rows; expected 2 clips x 6 scores")


def test_other_signatures_are_refused(packed: Path) -> None:
    run, result = (json.loads(held(packed, name)) for name in ("run.json", "result.json"))
    run["metrics"]["ssim/mouth"] = result["scores"]["ssim/mouth"]["signature"] = "ssim.0|old"
    content = {"run.json": json.dumps(run).encode(), "result.json": json.dumps(result).encode()}
    refused(changed(packed, content), "ssim/mouth was measured as ssim.0|old")
    refused(changed(packed, {"run.json": content["run.json"]}), "speak of different metrics")


def test_only_finished_runs_are_packed_and_errors_are_one_line(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus / "runs/mine", tmp_path / "half")
    (tmp_path / "half/result.json").unlink()
    for command in (
        ["bundle", str(tmp_path / "half")],
        ["bundle", str(tmp_path / "nothing")],
        ["verify", str(tmp_path / "nothing.zip")],
        ["verify", str(corpus / "runs/mine/run.json")],
    ):
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 1, command
        assert done.stderr.startswith("lsbench: ") and done.stderr.count("\n") == 1
    for command in (["verify", "x.zip", "--rescore"], ["verify", "x.zip", "--reference", "y"]):
        assert CliRunner().invoke(main, command).exit_code == 2
