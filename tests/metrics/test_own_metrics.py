"""A metric of one's own: from a file, as an object, from a package; scored, ranked, reported and verified."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import run
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import lsbench
from lsbench import registry
from lsbench.cli.main import main
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.generation.render import generate
from lsbench.media.files import read_clip
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.frame_metric import FrameMetric
from lsbench.metrics.psnr import PSNR
from lsbench.protocol import protocol

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "mean_absolute_error.py"
SPEC = "py:mean_absolute_error:MAE"


class MAE(FrameMetric):
    """Mean absolute error, 8-bit levels."""

    name, better, source = "mae", "lower", "own definition"  # type: ignore[assignment]
    asks = "How far is a pixel off, on average?"

    def values(self, reference: np.ndarray, generated: np.ndarray) -> np.ndarray:
        return np.abs(reference.astype(np.int16) - generated).mean((1, 2, 3))


@dataclass(frozen=True, kw_only=True)
class Power(MAE):
    """The same to a power."""

    power: float = 2.0

    def values(self, reference: np.ndarray, generated: np.ndarray) -> np.ndarray:
        return (np.abs(reference.astype(np.float64) - generated) ** self.power).mean((1, 2, 3))


class Forgotten(MAE):
    power: float = 2.0


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with clips, videos and the example of the docs."""
    write_corpus(tmp_path / "real", speakers=2, clips=1, frames=8, size=96)
    generate("noisy-frame", protocol.from_folder(tmp_path / "real"), tmp_path / "made")
    (tmp_path / EXAMPLE.name).write_text(EXAMPLE.read_text())
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    for name in (EXAMPLE.stem, "careless"):
        sys.modules.pop(name, None)


def invoke(*arguments: object) -> str:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.slow
def test_from_a_file_to_a_verified_bundle(work: Path) -> None:
    command = ["score", "made", "--reference", "real", "--metric", SPEC, "--metric", "psnr", "--no-anchors", "-q"]
    assert "mean_absolute_error:MAE" in invoke(*command, "--workers", "2")
    result = json.loads((work / "runs/made/result.json").read_text())
    assert {f"{SPEC}/{region}" for region in ("whole", "face", "mouth")} <= set(result["scores"])
    bench = protocol.from_folder(work / "real")
    expected = []
    for clip in bench.clips:
        real, made = (read_clip(path, "x") for path in (clip.file, work / "made" / f"{clip.id}.mp4"))
        expected.append(np.abs(real.frames.astype(int) - made.frames).mean((1, 2, 3)))
    assert result["scores"][f"{SPEC}/whole"]["value"] == pytest.approx(np.concatenate(expected).mean(), abs=1e-9)
    board = json.loads(invoke("leaderboard", "runs/made", "--rank-by", f"{SPEC}/mouth", "--format", "json"))
    assert board["rows"][0]["scores"][f"{SPEC}/mouth"]["better"] == "lower"
    assert SPEC in invoke("leaderboard", "runs/made")
    invoke("report", "runs/made", "--out", "page", "--no-videos", "-q")
    assert SPEC in (work / "page" / "index.html").read_text()
    invoke("bundle", "runs/made", "--out", "made.zip")
    invoke("verify", "made.zip")


CARELESS = """
from mean_absolute_error import MAE

class Careless(MAE):
    def values(self, reference, generated):
        reference -= generated
        return reference.mean((1, 2, 3))
"""


@pytest.mark.parametrize("region", ["whole", "mouth"])
def test_a_metric_that_writes_into_the_frames_is_named_and_changes_no_other(work: Path, region: str) -> None:
    (work / "careless.py").write_text(CARELESS)
    message = r"clip t1/\S+: metric py:careless:Careless fails: ValueError: .*read-only.*careless.py, line 6"
    with pytest.raises(MetricError, match=message):
        lsbench.score("made", reference="real", metrics=["py:careless:Careless", "psnr"], regions=[region])


@pytest.mark.slow
def test_the_laws_hold_for_the_example_and_find_a_metric_that_writes_into_its_input(work: Path) -> None:
    (work / "careless.py").write_text(CARELESS)
    laws = Path(__file__).with_name("test_metric_laws.py")
    command = [sys.executable, "-m", "pytest", laws, "--metric", SPEC, "--metric", "py:careless:Careless", "-qq"]
    report = run([*command, "-p", "no:cacheprovider", "--tb=no"], capture_output=True, text=True, check=False).stdout
    failures = [line.split(" - ")[0] for line in report.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert failures and all("Careless" in line for line in failures), report
    assert any("test_inputs_are_not_written_to[py:careless:Careless/whole]" in line for line in failures), report


def test_without_the_file_a_run_ranks_and_says_what_it_lacks(work: Path) -> None:
    lsbench.score("made", reference="real", metrics=[SPEC], out="runs", name="run")
    invoke("bundle", "runs/run", "--out", "run.zip")
    sys.modules.pop(EXAMPLE.stem)
    (work / EXAMPLE.name).unlink()
    assert SPEC in invoke("leaderboard", "runs/run")
    done = CliRunner().invoke(main, ["verify", "run.zip"], catch_exceptions=False)
    assert done.exit_code == 1 and "there is no class MAE in" in done.stderr


def test_objects_and_classes(work: Path) -> None:
    options: dict[str, Any] = {"reference": "real", "regions": ["whole", "mouth"]}
    result = lsbench.score("made", metrics=[MAE(), "psnr"], **options)
    assert set(result.scores) == {f"py:{__name__}:MAE/whole", f"py:{__name__}:MAE/mouth", "psnr/whole", "psnr/mouth"}
    one = lsbench.score("made", metrics=[MAE(region=Region.MOUTH)], **options)
    assert list(one.scores) == [f"py:{__name__}:MAE/mouth"]
    assert one[f"py:{__name__}:MAE/mouth"] == result[f"py:{__name__}:MAE/mouth"]
    assert (
        lsbench.score("made", metrics=[MAE], **options)[f"py:{__name__}:MAE/mouth"] == one[f"py:{__name__}:MAE/mouth"]
    )


def test_options_are_part_of_key_and_signature(work: Path) -> None:
    (metric,) = catalogue.metrics([f"py:{__name__}:Power:power=1.5"], [Region.MOUTH])
    assert metric == Power(power=1.5, region=Region.MOUTH)
    assert metric.key == f"py:{__name__}:Power:power=1.5/mouth" and "power:1.5" in metric.signature
    assert catalogue.metric(metric.key) == metric
    assert MAE().signature != Power().signature
    assert Power(power=1)(np.zeros((1, 8, 8, 3), np.uint8), np.full((1, 8, 8, 3), 7, np.uint8)) == 7


def test_an_option_that_is_forgotten_is_named() -> None:
    with pytest.raises(MetricError, match="power is annotated like an option, but its class is no dataclass"):
        Forgotten()


def test_a_name_that_is_taken_is_another_metric(work: Path) -> None:
    class PSNR(MAE):
        name = "psnr"

    own, built_in = PSNR(), catalogue.kind("psnr")()
    assert own.key != built_in.key and own.signature != built_in.signature


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("py:mean_absolute_error", "expected py:module:attribute"),
        ("py:mean_absolute_error:MEA", "module mean_absolute_error has no attribute MEA"),
        ("py:nowhere:MAE", "module nowhere cannot be imported"),
        ("py:mean_absolute_error:np", "it is no class of metrics"),
        ("py:mean_absolute_error:MAE:p=2", "unknown option 'p=2'; options and their defaults: none"),
        (5, "5 is no metric"),
    ],
)
def test_what_is_no_metric_is_named(work: Path, spec: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        lsbench.score("made", reference="real", metrics=[spec])


def test_values_that_are_not_one_a_frame_are_named(work: Path) -> None:
    class Whole(MAE):
        name = "whole"

        def values(self, reference: np.ndarray, generated: np.ndarray) -> np.ndarray:
            return np.abs(reference.astype(np.int16) - generated).mean()

    with pytest.raises(MetricError, match=r"8 frames gave values \(\); expected one a frame"):
        lsbench.score("made", reference="real", metrics=[Whole()])


def test_an_installed_packages_metric_has_its_own_name(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = registry.table

    def with_mae(group: str, built_in: dict[str, str]) -> dict[str, str]:
        return {**table(group, built_in), **({"mae": f"{__name__}:MAE"} if group == "metrics" else {})}

    monkeypatch.setattr(registry, "table", with_mae)
    result = lsbench.score("made", reference="real", metrics=["mae"], regions=["mouth"])
    assert list(result.scores) == ["mae/mouth"]


def test_a_protocol_may_name_it(work: Path) -> None:
    (work / "mine.toml").write_text(
        'name = "mine"\nversion = "1"\nmetrics = ["py:mean_absolute_error:MAE"]\n'
        'rank_by = "py:mean_absolute_error:MAE/mouth"\n[select]\nspeakers = ["t1", "t2"]\n'
    )
    result = lsbench.score("made", protocol="mine.toml", data="real")
    assert f"{SPEC}/mouth" in result.scores


@pytest.mark.slow
def test_what_a_run_folder_names_is_not_imported(work: Path) -> None:
    """It may come from anywhere: a file that defines no such class is never run, not to rank, report or verify."""
    lsbench.score("made", reference="real", metrics=[SPEC], out="runs", name="run")
    invoke("bundle", "runs/run", "--out", "run.zip")
    sys.modules.pop(EXAMPLE.stem)
    (work / EXAMPLE.name).write_text("open('touched', 'w').close()\n")
    invoke("leaderboard", "runs/run")
    invoke("report", "runs/run", "--out", "page", "--no-videos", "-q")
    for command, why in (
        (["leaderboard", "runs/run", "--frames", "frames.csv"], "no run has a score with a value for each frame"),
        (["verify", "run.zip"], "there is no class MAE in"),
    ):
        done = CliRunner().invoke(main, command, catch_exceptions=False)
        assert done.exit_code == 1 and why in done.stderr
    assert not (work / "touched").exists()


def test_a_metric_that_leaves_while_it_is_made_is_named() -> None:
    class Leaves(PSNR):
        def __post_init__(self) -> None:
            raise SystemExit(0)

    with pytest.raises(MetricError, match="it cannot be made: SystemExit: 0"):
        catalogue.metrics([Leaves], [Region.WHOLE])
