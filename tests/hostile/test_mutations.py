"""Spoiled files of our own: each verb that reads them ends with 0, 1 or 3 and one line, in bounded time and memory.

--mutations N: how many of each kind, 200 if not given. A failure names its seed.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import resource
import shutil
import time
import traceback
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
import raters
from audits import small_audit
from click.testing import CliRunner
from mutate import Spoiler, bytes_of, csv_of, json_of, toml_of

from lsbench.cli.main import main
from lsbench.errors import RunError
from lsbench.mos.key import key_text
from lsbench.report.audit.page import write_page
from lsbench.report.audit.text import from_json, to_json, to_markdown
from lsbench.run.bundle import MANIFEST, pack

OLD = Path(__file__).parents[1] / "run" / "data" / "runs"
SECONDS, MIB = 20.0, 700
OBEYED = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u202e\u2066"} - {"\n", "\t"}


@pytest.fixture
def seeds(request: pytest.FixtureRequest) -> range:
    return range(request.config.getoption("--mutations"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small runs by psnr, of two clips."""
    folder = tmp_path_factory.mktemp("runs")
    for run in OLD.iterdir():
        own = shutil.copytree(run, folder / run.name)
        for name, part in (("run.json", "metrics"), ("result.json", "scores")):
            content = json.loads((own / name).read_text())
            content[part] = {key: value for key, value in content[part].items() if key.startswith("psnr/")}
            (own / name).write_text(json.dumps(content))
        table = pd.read_parquet(own / "clips.parquet")
        table[table["metric"] == "psnr"].to_parquet(own / "clips.parquet", index=False)
    return folder


def hold(seed: int, *arguments: str) -> None:
    """Give a command and assert how it ends."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = CliRunner().invoke(main, list(arguments))
    took, peak = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = f"seed {seed}, {' '.join(arguments)}: {done.exit_code}, {done.stderr[-1000:]}"
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        pytest.fail(f"{said}\n{''.join(traceback.format_exception(done.exception))}")
    assert done.exit_code in (0, 1, 3), said
    assert done.exit_code != 1 or (done.stderr.startswith("lsbench: ") and done.stderr.count("\n") == 1), said
    assert not OBEYED & set(done.stdout + done.stderr), said
    assert len(done.stderr) < 20_000, said
    assert "Warning" not in done.stderr, said
    for words in ("Errno", "weights_only", "allow_pickle", "NoneType", "KeyError", "TypeError"):
        assert words not in done.stderr, said
    assert took < SECONDS, said
    assert peak - before < MIB << 10, said


def spoil(folder: Path, files: Sequence[tuple[str, Spoiler]], random: Random) -> None:
    """Spoil one of the files, sometimes two."""
    for name, spoiler in random.choices(files, k=random.choice((1, 1, 1, 2))):
        path = folder / name
        try:
            path.write_bytes(spoiler(path.read_bytes(), random))
        except (ValueError, IndexError):  # spoiled already beyond being spoiled as what it was
            path.write_bytes(bytes_of(path.read_bytes() or b"x", random))


RUN_FILES: tuple[tuple[str, Spoiler], ...] = (
    *(("run.json", json_of), ("result.json", json_of)) * 2,
    ("clips.parquet", bytes_of),
    ("clips/t1/a0.npz", bytes_of),
)


def test_what_is_not_spoiled_is_read(runs: Path, tmp_path: Path) -> None:
    whole = pack(runs / "blurred-mouth", tmp_path / "whole.zip")
    (tmp_path / "mine.toml").write_bytes(PROTOCOL)
    (tmp_path / "mine.csv").write_bytes(MANIFEST_CSV)
    (tmp_path / "q.toml").write_bytes(QUOTES)
    both = [str(run) for run in sorted(runs.iterdir())]
    for arguments in (
        ["leaderboard", *both, "--quote", str(tmp_path / "q.toml")],
        ["compare", *both],
        ["verify", str(whole)],
        ["protocols", "show", str(tmp_path / "mine.toml")],
    ):
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output


@pytest.mark.slow
def test_spoiled_runs(runs: Path, seeds: range, tmp_path: Path) -> None:
    for seed in seeds:
        random, folder = Random(seed), tmp_path / str(seed)
        shutil.copytree(runs, folder)
        spoil(folder / "noisy-frame", RUN_FILES, random)
        one, other = (str(folder / name) for name in ("noisy-frame", "blurred-mouth"))
        verb: Sequence[str] = random.choice(
            (
                *(["leaderboard", one, other, "--format", style] for style in ("table", "csv", "json", "markdown")),
                ["leaderboard", one, "--format", "latex"],
                ["compare", one, other],
                ["compare", other, one, "--format", "json"],
                ["bundle", one, "--out", str(folder / "x.zip")],
            )
        )
        hold(seed, *verb)
        shutil.rmtree(folder)


@pytest.mark.slow
def test_spoiled_bundles(runs: Path, seeds: range, tmp_path: Path) -> None:
    whole = pack(runs / "blurred-mouth", tmp_path / "whole.zip").read_bytes()
    for seed in seeds:
        random, path = Random(seed), tmp_path / "spoiled.zip"
        path.write_bytes(bytes_of(whole, random) if random.random() < 0.4 else _repacked(whole, random))
        hold(seed, "verify", str(path))


def _repacked(whole: bytes, random: Random) -> bytes:
    """The bundle with members spoiled, of which its manifest mostly tells the truth."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = random.choice([*members, "run.json", "result.json"])
    members[name] = (json_of if name.endswith(".json") else bytes_of)(members[name], random)
    if name != MANIFEST and random.random() < 0.9:
        files = {
            each: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for each, content in members.items()
            if each != MANIFEST
        }
        members[MANIFEST] = json.dumps({"format": 1, "name": "blurred-mouth", "files": files}).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    return out.getvalue()


PROTOCOL = b"""name = "mine"
version = "1"
manifest = "mine.csv"
fps = 25
frames = 75
sample_rate = 16000
align = "trim"
fit = "resize"
rate = "strict"
task = "reconstruction"
identity = "shifted:6"
color = "rgb"
face = "largest"
faceless = 0.25
segment_s = 5.0
metrics = ["psnr", "ssim"]
regions = ["whole", "mouth"]
rank_by = "ssim/mouth"
"""
RULE = PROTOCOL.replace(b'manifest = "mine.csv"\n', b"") + b'[select]\nspeakers = ["s1"]\nclips_per_speaker = 2\n'
MANIFEST_CSV = b"speaker,clip,sha256\ns1,a," + b"0" * 64 + b"\ns2,b,\n"
QUOTES = b"""source = "A paper"
[[rows]]
generator = "LipGAN"
scores = { "ssim/mouth" = 0.9, fid = 12.5 }
note = "theirs"
"""


@pytest.mark.slow
def test_spoiled_protocols(seeds: range, tmp_path: Path) -> None:
    for seed in seeds:
        random = Random(seed)
        (tmp_path / "mine.toml").write_bytes(random.choice((PROTOCOL, RULE)))
        (tmp_path / "mine.csv").write_bytes(MANIFEST_CSV)
        spoil(tmp_path, (*[("mine.toml", toml_of)] * 3, ("mine.csv", csv_of)), random)
        hold(seed, "protocols", "show", str(tmp_path / "mine.toml"))


@pytest.mark.slow
def test_spoiled_quotes(runs: Path, seeds: range, tmp_path: Path) -> None:
    for seed in seeds[::4]:
        (tmp_path / "q.toml").write_bytes(QUOTES)
        spoil(tmp_path, [("q.toml", toml_of)], Random(seed))
        style = Random(seed).choice(("table", "csv", "json", "markdown", "latex"))
        hold(seed, "leaderboard", str(runs / "noisy-frame"), "--quote", str(tmp_path / "q.toml"), "--format", style)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["acr", "pairs"])
def test_spoiled_ratings(method: str, seeds: range, tmp_path: Path) -> None:
    key = raters.make_key(generators=("good", "poor"), clips=3, method=method, repeats=2)
    panel = raters.panel_of(4, np.random.default_rng(0))
    written = raters.World(key, np.random.default_rng(0)).files(tmp_path, panel)
    (tmp_path / "key.json").write_text(key_text(key))
    whole = {path.name: path.read_bytes() for path in (*written, tmp_path / "key.json")}
    for seed in seeds[::2]:
        for name, content in whole.items():
            (tmp_path / name).write_bytes(content)
        spoil(tmp_path, (*[(written[0].name, csv_of)] * 3, ("key.json", json_of)), Random(seed))
        style = Random(seed).choice(("table", "csv", "json", "markdown"))
        files = [str(path) for path in written]
        hold(seed, "mos", "read", *files, "--key", str(tmp_path / "key.json"), "--format", style)


@pytest.mark.slow
def test_spoiled_audits(seeds: range, tmp_path: Path) -> None:
    facts = {"name": "toy", "version": "1", "digest": "d", "clips": 2}
    whole = to_json(replace(small_audit(), protocol=facts)).encode()
    assert to_markdown(from_json(whole.decode(), "audit.json"))
    for seed in seeds:
        spoiled = json_of(whole, Random(seed)).decode(errors="replace")
        with contextlib.suppress(RunError):
            audit = from_json(spoiled, "audit.json")
            assert not OBEYED & set(to_markdown(audit)), seed
            write_page(audit, tmp_path / "index.html")
