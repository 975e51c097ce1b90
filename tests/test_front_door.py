"""The front door: what `import lsbench` offers, and what it costs."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from click.testing import CliRunner

import lsbench
from lsbench.cli.main import main
from lsbench.corpus.toy.render import render, write_corpus
from lsbench.errors import FaceError, LsbenchError, RunError, UnknownScore

SOURCE = Path(lsbench.__file__)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("door")
    write_corpus(folder / "real", speakers=2, clips=2, frames=8, size=96)
    lsbench.generate("noisy-frame", reference=folder / "real", out=folder / "made")
    return folder


@pytest.fixture(scope="module")
def result(corpus: Path) -> lsbench.Result:
    return lsbench.score(corpus / "made", reference=corpus / "real", metrics=["psnr", "ssim"], out=corpus / "runs")


def test_every_name_is_typed_listed_and_there() -> None:
    tree = ast.parse(SOURCE.read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    typed = {alias.asname or alias.name: node for node in imports for alias in node.names}
    assert set(typed) == set(lsbench._NAMES) == set(lsbench.__all__) - {"__version__"}
    for name, node in typed.items():
        module, _, attribute = lsbench._NAMES[name].partition(":")
        if attribute:
            assert (node.module, attribute) == (module, next(a.name for a in node.names if name in (a.asname, a.name)))
        assert getattr(lsbench, name) is not None
        assert name in dir(lsbench)


def test_public_things_say_what_they_are() -> None:
    for name in lsbench.__all__:
        if name != "__version__":
            assert (getattr(lsbench, name).__doc__ or "").strip(), name


def test_importing_it_imports_nothing() -> None:
    code = "import sys, lsbench; print([m for m in ('numpy', 'torch', 'pandas', 'click', 'av') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_families_of_metrics_are_attributes() -> None:
    code = (
        "import numpy, lsbench\n"
        "frames = numpy.zeros((1, 32, 32, 3), numpy.uint8)\n"
        "print(lsbench.metrics.ssim.ssim(frames, frames), 'ssim' in dir(lsbench.metrics))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1.0 True"


def test_a_wrong_name_is_near_a_right_one() -> None:
    with pytest.raises(AttributeError, match="did you mean leaderboard"):
        getattr(lsbench, "leaderbord")  # noqa: B009
    with pytest.raises(AttributeError, match="did you mean ssim"):
        getattr(lsbench.metrics, "sim")  # noqa: B009


def test_a_result_is_a_mapping(result: lsbench.Result) -> None:
    keys = ["psnr/whole", "psnr/face", "psnr/mouth", "ssim/whole", "ssim/face", "ssim/mouth"]
    assert list(result) == keys and len(result) == 6 and "psnr/mouth" in result and "lmd" not in result
    assert dict(result)["ssim/mouth"] == result["ssim/mouth"] == result.get("ssim/mouth")
    assert result.get("lmd") is None
    for wrong in (KeyError, LsbenchError, UnknownScore):
        with pytest.raises(wrong, match="unknown score 'psnr/mouht'; did you mean psnr/mouth"):
            result["psnr/mouht"]


def test_a_result_shows_itself(result: lsbench.Result) -> None:
    lines = repr(result).splitlines()
    assert lines[0] == f"run made, 4 clips, {result.path}"
    assert any(line.startswith("ssim/mouth") and "higher" in line for line in lines)
    lacking = replace(result, unavailable={"lpips/whole": "no weights", "lpips/mouth": "no weights"})
    assert repr(lacking).splitlines()[-1] == "lpips/whole, lpips/mouth: not measured: no weights"
    page = result._repr_html_()
    assert page.count("<tr>") == 7 and "ssim/mouth" in page
    assert result._ipython_key_completions_() == list(result)


def test_names_are_no_markup_in_a_notebook(result: lsbench.Result) -> None:
    assert "<script" not in replace(result, name="<script>alert(1)</script>")._repr_html_()


def test_a_result_as_tables(result: lsbench.Result) -> None:
    table = result.to_pandas()
    assert list(table.index) == list(result) and list(table["value"]) == list(result.values())
    clips = result.to_pandas(clips=True)
    assert len(clips) == 4 * 6 and set(clips["clip_id"]) == {"t1/a0", "t1/a1", "t2/a0", "t2/a1"}
    frames = result.frames("ssim/mouth")
    assert list(frames.columns) == ["clip", "frame", "value"] and len(frames) == 4 * 8
    assert frames["value"].mean() == pytest.approx(result["ssim/mouth"], abs=1e-12)


def test_what_is_not_kept_has_no_path(corpus: Path) -> None:
    result = lsbench.score(corpus / "made", reference=corpus / "real", metrics=["psnr"])
    assert result.path is None and "not kept" in repr(result)
    assert len(result.to_pandas(clips=True)) == 4 * 3
    with pytest.raises(RunError, match="was not kept, and with it its frames; pass out=FOLDER"):
        result.frames("psnr/mouth")


def test_the_result_of_a_run_folder_is_the_one_that_was_returned(result: lsbench.Result) -> None:
    assert lsbench.Run(result.path or "").result() == result


def test_compare_and_rank_from_python(corpus: Path, result: lsbench.Result) -> None:
    other = lsbench.score("late", reference=corpus / "real", metrics=["psnr", "ssim"], out=corpus / "runs")
    board = lsbench.leaderboard([corpus / "runs" / "made", corpus / "runs" / "late"], rank_by="ssim/mouth")
    assert isinstance(board, lsbench.Board) and isinstance(board.to_pandas(), pandas.DataFrame)
    assert lsbench.compare(corpus / "runs" / "made", corpus / "runs" / "late").scores
    assert lsbench.anchors.measure(other.path, reference=corpus / "real", metrics=["psnr", "ssim"]) == {}


def test_crop_cuts_the_mouth_of_both() -> None:
    clip, track = render(1, 0, frames=6, size=96)
    fake = 255 - clip.frames
    for real in (clip, clip.frames):
        mouth, other = lsbench.crop(real, fake, "mouth", track=track)
        boxes = track.box(lsbench.Region.MOUTH)
        assert mouth.shape == other.shape == (6, boxes[0, 3] - boxes[0, 1], boxes[0, 2] - boxes[0, 0], 3)
        assert np.array_equal(other, 255 - mouth)
        assert np.array_equal(mouth[0], clip.frames[0, boxes[0, 1] : boxes[0, 3], boxes[0, 0] : boxes[0, 2]])
    whole, _ = lsbench.crop(clip, fake, "whole")
    assert np.array_equal(whole, clip.frames)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"region": "moth"}, "unknown region 'moth'; did you mean mouth"),
        ({"fake": np.zeros((5, 96, 96, 3), np.uint8)}, "expected one size and length"),
        ({"fake": np.zeros((6, 96, 96), np.uint8)}, "fake is uint8 .6, 96, 96.; expected a Clip"),
        ({"real": np.zeros((6, 64, 96, 3), np.uint8), "fake": np.zeros((6, 64, 96, 3), np.uint8)}, "the track is of 6"),
    ],
)
def test_what_cannot_be_cropped_is_named(change: dict[str, Any], message: str) -> None:
    clip, track = render(1, 0, frames=6, size=96)
    with pytest.raises(FaceError, match=message):
        lsbench.crop(**{"real": clip, "fake": clip, "region": "mouth", "track": track, **change})


def test_crop_finds_the_face_of_a_real_clip(grid: Path) -> None:
    from lsbench.networks import weights

    try:
        weights.require("face_landmarker")
    except lsbench.WeightsError as error:
        pytest.skip(str(error))
    clip = lsbench.read_clip(next(grid.rglob("*.mpg")), "real").cut(0, 4)
    mouth, other = lsbench.crop(clip.frames, clip.frames[:, ::-1], "mouth")
    assert mouth.shape == other.shape and 40 < mouth.shape[1] < 160


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.slow
def test_debug_shows_where_an_error_comes_from_and_what_is_done(corpus: Path, tmp_path: Path) -> None:
    plain, debug = invoke("leaderboard", tmp_path), invoke("--debug", "leaderboard", tmp_path)
    assert plain.exit_code == debug.exit_code == 1
    assert plain.stderr.count("\n") == 1 and "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr and "RunError" in debug.stderr and debug.stderr.endswith(plain.stderr)
    command = ["score", corpus / "made", "--reference", corpus / "real", "--metric", "psnr", "--no-anchors", "-q"]
    code = (
        f"from lsbench.cli.main import main; main({['--debug', *map(str, command), '--out', str(tmp_path / 'runs')]!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "lsbench.run.clips: clip t1/a0: finished" in done.stderr
    quiet = subprocess.run(
        [sys.executable, "-c", code.replace("'--debug', ", "")], capture_output=True, text=True, check=True
    )
    assert quiet.stderr == ""


@pytest.mark.slow
def test_an_option_that_a_command_would_not_see_is_a_usage_error(corpus: Path) -> None:
    for arguments in (["--clips", "1"], ["--quick"], ["--reference", corpus / "real"]):
        done = invoke("audit", *arguments, "leakage", "late", "--reference", corpus / "real")
        assert done.exit_code == 2 and f"{arguments[0]} is of `" in done.stderr
    assert json.loads(invoke("audit", "leakage", "late", "--reference", corpus / "real", "--format", "json").stdout)


def test_a_wrong_command_is_near_a_right_one() -> None:
    for arguments, near in (
        (["scor"], "score or doctor"),
        (["weights", "lst"], "list"),
        (["protocols", "shwo"], "show"),
    ):
        done = invoke(*arguments)
        assert done.exit_code == 2 and f"unknown command '{arguments[-1]}'; did you mean {near}?" in done.stderr


TYPED = """
import lsbench

result = lsbench.score("generated", reference="real")
reveal_type(result["psnr/whole"])
reveal_type(lsbench.leaderboard(["runs/one"]).rank_by)
reveal_type(lsbench.Region.MOUTH)
lsbench.scor
"""


@pytest.mark.slow
def test_a_type_checker_knows_the_names(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", "--ignore-missing-imports", "user.py"]
    environment = os.environ | {"MYPYPATH": str(SOURCE.parents[1])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    lines = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert lines[0].startswith('note: Revealed type is "') and "float" in lines[0]
    assert "str" in lines[1] and "Region" in lines[2]
    assert lines[3].startswith('error: Module has no attribute "scor"')
