"""What a run was made under: one value for resume, rank, verify and anchors, whatever an older version left out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from boards import PROTOCOL, run
from click.testing import CliRunner

import lsbench
from lsbench.cli.main import main
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import LsbenchError, MatchError, RunError
from lsbench.generation.render import generate
from lsbench.metrics._base.stats import Stats
from lsbench.metrics.psnr import PSNR
from lsbench.protocol import protocol
from lsbench.run import anchors, fold
from lsbench.run.conditions import LIBRARIES, Conditions, decisive_libraries
from lsbench.run.folder import Run
from lsbench.run.result import Partial
from lsbench.system import arrays

VALUES = {"ssim/mouth": 0.5, "psnr/whole": 30.0}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conditions")
    write_corpus(folder / "reference", speakers=2, clips=2, frames=8, size=96)
    generate("noisy-frame", protocol.from_folder(folder / "reference"), folder / "mine")
    return folder


def rewrite(path: Path, change: Any) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.slow
def test_anchors_of_another_decoder_are_measured_anew(corpus: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"reference": corpus / "reference", "metrics": ["psnr"]}
    lsbench.score(corpus / "mine", out=tmp_path, name="before", **options)
    assert anchors.measure(tmp_path / "before", **options) == {}
    for path in (tmp_path / ".anchors").rglob("run.json"):
        rewrite(path, lambda content: content["versions"].update(av="16.0.0"))
    lsbench.score(corpus / "mine", out=tmp_path, name="after", **options)
    assert anchors.beside([tmp_path / "after"]) == []  # those that are there explain another decoder's numbers
    assert anchors.measure(tmp_path / "after", **options) == {}
    done = invoke("leaderboard", tmp_path / "before", tmp_path / "after", "--format", "json")
    assert done.exit_code == 0, done.output
    assert {row["generator"] for row in json.loads(done.stdout)["anchors"]} == set(anchors.ANCHORS)


def test_the_digest_follows_what_decides_a_number() -> None:
    def conditions(**changes: Any) -> Conditions:
        versions = dict.fromkeys(LIBRARIES, "1.0") | changes
        return Conditions(PROTOCOL, {"ssim/mouth": "ssim.1"}, versions=versions)

    assert conditions().digest == conditions(numpy="2.0", piq="2.0").digest
    assert conditions().digest != conditions(av="2.0").digest
    assert decisive_libraries(["fsim/whole"]) == {"av", "soxr", "piq"}
    assert decisive_libraries(["a metric that nobody has/whole"]) == {"av", "soxr"}


def test_a_run_of_the_same_network_in_another_file_is_comparable() -> None:
    """Earlier versions recorded the sha256 of the file that they used."""
    from lsbench.networks.weight_registry import WEIGHTS

    def conditions(**recorded: str) -> Conditions:
        return Conditions(PROTOCOL, {"fid/whole": "fid.1"}, weights=recorded, versions=dict.fromkeys(LIBRARIES, "1.0"))

    for name in ("inception", "alexnet", "vgg16", "efficientnet_lite0"):
        each = WEIGHTS[name]
        now = conditions(**{name: each.digest or ""})
        for form in each.forms:
            before = conditions(**{name: form.sha256})
            assert before.differences(now) == [] and before.digest == now.digest
            before.demand_same(now, "here")
            now.demand_same(before, "here")
            assert before.written()["weights"] == {name: form.sha256}
        other = conditions(**{name: "0" * 64})
        assert str(other.decisive_difference(now)).startswith(f"weights {name} is 000")
        with pytest.raises(RunError, match=f"was started with weights.{name} 0+, now asked with {each.digest}"):
            other.demand_same(now, "here")
    assert conditions(inception=WEIGHTS["vgg16"].forms[0].sha256).differences(now) == []  # nothing that both name
    assert conditions(inception="a").digest != conditions(inception="b").digest


def test_runs_of_another_decoding_are_neither_ranked_together_nor_gone_on_with(corpus: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"reference": corpus / "reference", "metrics": ["psnr"], "out": tmp_path}
    for name in ("before", "after"):
        lsbench.score(corpus / "mine", name=name, **options)
    rewrite(tmp_path / "before/run.json", lambda content: content.pop("decoding"))
    assert Run(tmp_path / "before").conditions.decoding == 1
    with pytest.raises(LsbenchError, match="revision of decoding is 1 in the one, 2 in the other"):
        lsbench.leaderboard([tmp_path / "before", tmp_path / "after"])
    with pytest.raises(RunError, match="was started with decoding 1, now asked with 2"):
        lsbench.score(corpus / "mine", name="before", **options)


def test_anchors_of_more_metrics_explain_a_run_of_fewer(corpus: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"reference": corpus / "reference", "out": tmp_path}
    lsbench.score(corpus / "mine", metrics=["psnr", "ssim"], name="both", **options)
    anchors.measure(tmp_path / "both", reference=corpus / "reference", metrics=["psnr", "ssim"])
    lsbench.score(corpus / "mine", metrics=["psnr"], name="one", **options)
    assert {path.name for path in anchors.beside([tmp_path / "one"])} == set(anchors.ANCHORS)
    assert anchors.measure(tmp_path / "one", reference=corpus / "reference", metrics=["psnr"]) == {}
    assert len(list((tmp_path / ".anchors").iterdir())) == 1


def test_a_mistyped_reference_leaves_a_good_result_alone(corpus: Path, tmp_path: Path) -> None:
    lsbench.score(corpus / "mine", reference=corpus / "reference", metrics=["psnr"], out=tmp_path, name="run")
    before = (tmp_path / "run" / "result.json").read_bytes()
    write_corpus(tmp_path / "wrong" / "deeper", speakers=1, clips=1, frames=8, size=96)
    with pytest.raises(MatchError):
        lsbench.score(corpus / "mine", reference=tmp_path / "wrong", metrics=["psnr"], out=tmp_path, name="run")
    assert (tmp_path / "run" / "result.json").read_bytes() == before


def test_a_result_without_its_clips_is_of_its_own_request_too(corpus: Path, tmp_path: Path) -> None:
    lsbench.score(corpus / "mine", reference=corpus / "reference", metrics=["psnr"], out=tmp_path, name="run")
    for path in (tmp_path / "run" / "clips").rglob("*.npz"):
        path.unlink()
    with pytest.raises(RunError, match="now asked with lag"):
        lsbench.score(
            corpus / "mine", reference=corpus / "reference", metrics=["psnr"], out=tmp_path, name="run", align="lag"
        )
    assert (tmp_path / "run" / "result.json").exists()


def leaves(content: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in content.items():
        yield (*before, name)
        if isinstance(value, dict):
            yield from leaves(value, (*before, name))


@pytest.mark.parametrize("file", ["run.json", "result.json"])
def test_whatever_is_missing_is_named_or_not_needed(tmp_path: Path, file: str) -> None:
    one, other = run(tmp_path, "one", VALUES), run(tmp_path, "other", VALUES)
    whole = (one / file).read_text()
    for names in list(leaves(json.loads(whole))):
        content = json.loads(whole)
        group = content
        for name in names[:-1]:
            group = group[name]
        del group[names[-1]]
        (one / file).write_text(json.dumps(content))
        for verb in (["leaderboard"], ["leaderboard", "--format", "json"], ["compare"]):
            done = invoke(verb[0], one, other, *verb[1:])  # raises whatever has no name
            assert done.exit_code in (0, 1), (names, done.output)
    (one / file).write_text(whole)


def test_a_run_without_a_tracker_ranks(tmp_path: Path) -> None:
    paths = [run(tmp_path, name, VALUES) for name in ("one", "other")]
    rewrite(paths[0] / "run.json", lambda content: content.pop("tracker"))
    assert invoke("leaderboard", *paths).exit_code == 0


def test_a_run_from_before_a_library_was_named_goes_on_and_ranks(corpus: Path, tmp_path: Path) -> None:
    assert "librosa" in LIBRARIES
    options: dict[str, Any] = {"reference": corpus / "reference", "metrics": ["psnr"], "out": tmp_path}
    lsbench.score(corpus / "mine", name="old", **options)
    rewrite(tmp_path / "old" / "run.json", lambda content: content["versions"].pop("librosa"))
    lsbench.score(corpus / "mine", name="new", **options)
    assert invoke("leaderboard", tmp_path / "old", tmp_path / "new").exit_code == 0
    lsbench.score(corpus / "mine", name="old", **options)
    assert Run(tmp_path / "old").conditions.versions["librosa"] != "absent"


def test_clips_of_another_library_do_not_mix(corpus: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"reference": corpus / "reference", "metrics": ["psnr"], "out": tmp_path, "name": "run"}
    lsbench.score(corpus / "mine", **options)
    rewrite(tmp_path / "run" / "run.json", lambda content: content["versions"].update(numpy="1.0"))
    with pytest.raises(RunError, match=r"versions\.numpy 1\.0, now asked with"):
        lsbench.score(corpus / "mine", **options)


@pytest.mark.slow
def test_a_rank_of_something_else_is_alone_here(corpus: Path) -> None:
    """As a training under torchrun would call it: nobody else is there to meet."""
    code = (
        "import sys, lsbench\n"
        "result = lsbench.score(sys.argv[1], reference=sys.argv[2], metrics=['psnr'])\n"
        "print(result.complete)"
    )
    environment = os.environ | {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1"}
    arguments: list[Any] = [sys.executable, "-c", code, corpus / "mine", corpus / "reference"]
    done = subprocess.run(
        arguments, env=environment | {"MASTER_PORT": "29999"}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "True", done.stderr


def test_ranks_without_torchrun_are_an_error(corpus: Path, tmp_path: Path) -> None:
    done = invoke("score", corpus / "mine", "--reference", corpus / "reference", "--out", tmp_path, "--ranks")
    assert done.exit_code == 1 and "not started by torchrun" in done.stderr


def test_a_fold_opens_every_clip_once(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: Counter[str] = Counter()
    opens = arrays.opened

    def counted(path: Path) -> Any:
        if "clips" in path.parts and path.exists():
            opened["/".join(path.parts[-2:])] += 1
        return opens(path)

    monkeypatch.setattr(arrays, "opened", counted)
    options: dict[str, Any] = {"reference": corpus / "reference", "out": tmp_path, "name": "run"}
    result = lsbench.score(corpus / "mine", metrics=["psnr", "ssim", "sharpness", "flicker"], **options)
    assert len(result.scores) == 12
    assert opened == {f"{clip.id}.npz": 1 for clip in protocol.from_folder(corpus / "reference").clips}


def test_statistics_that_memory_has_no_room_for_give_the_same_bits(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"reference": corpus / "reference", "metrics": ["psnr", "ssim"], "out": tmp_path}
    lsbench.score(corpus / "mine", name="run", **options)
    whole = [(tmp_path / "run" / name).read_bytes() for name in ("result.json", "clips.parquet")]
    for most in (0, 1000):
        monkeypatch.setattr(fold, "MOST_BYTES", most)
        lsbench.score(corpus / "mine", name="run", **options)
        assert [(tmp_path / "run" / name).read_bytes() for name in ("result.json", "clips.parquet")] == whole


def test_a_run_is_read_once_and_again_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Run(run(tmp_path, "one", VALUES))
    opened.write_partial(Partial("a", "", "", 1, 1, 0, {"psnr/whole": Stats(psnr=np.ones(1))}))
    assert opened.result()["psnr/whole"] == 30.0
    reads = []
    monkeypatch.setattr(Run, "_read", lambda _, name: reads.append(name))
    opened.request(), opened.result(), opened.conditions, opened.table()
    assert reads == []
    monkeypatch.undo()
    rewrite(opened.path / "result.json", lambda content: content["scores"]["psnr/whole"].update(value=31.25))
    assert opened.result()["psnr/whole"] == 31.25
    with pytest.raises(LsbenchError):
        Run(tmp_path / "none").conditions  # noqa: B018


def test_a_clip_whose_statistics_were_edited_is_named_and_not_folded(corpus: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"reference": corpus / "reference", "metrics": ["psnr"], "out": tmp_path, "name": "run"}
    lsbench.score(corpus / "mine", **options)
    kept = Run(tmp_path / "run").read_partial("t1/a0")
    assert kept is not None
    renamed = {key: Stats(other=next(iter(stats.values()))) for key, stats in kept.stats.items()}
    Run(tmp_path / "run").write_partial(replace(kept, stats=renamed))
    with pytest.raises(RunError, match=r"psnr/\w+: no score can be made of the clips in .*not as lsbench wrote them"):
        lsbench.score(corpus / "mine", **options)


def test_a_metric_that_ends_the_process_at_the_fold_is_named(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(metric: PSNR, stats: Stats) -> float:
        raise SystemExit(0)

    monkeypatch.setattr(PSNR, "compute", leave)
    with pytest.raises(RunError, match="no score can be made .*SystemExit: 0"):
        lsbench.score(corpus / "mine", reference=corpus / "reference", metrics=["psnr"], out=tmp_path)
