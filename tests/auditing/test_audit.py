"""The audit: on a toy corpus from injection to verdict; kept, resumed, added to; every format."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lsbench.auditing import plan
from lsbench.auditing.audit import audit
from lsbench.auditing.findings import Audit
from lsbench.auditing.inject import Faces, Injector
from lsbench.auditing.response import samples
from lsbench.cli.main import main
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import ArtifactError, LsbenchError, ProtocolError, RunError, WeightsError
from lsbench.face.landmarker import Face
from lsbench.face.tracker import FaceTracker
from lsbench.media.clip import Clip
from lsbench.metrics.psnr import PSNR
from lsbench.metrics.ssim import SSIM
from lsbench.networks import weights
from lsbench.protocol.manifest import Reference
from lsbench.report.audit.files import read_audit, write_audit
from lsbench.report.audit.text import from_json, to_json, to_markdown
from lsbench.report.audit.words import paragraph

ARTIFACTS = ("mouth-blur", "box-colour=4,16", "late=2", "sound-silent=1", "frame-noise=1,16", "recoded")
METRICS = ("psnr", "ssim", "seam")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers with two clips of 16 frames each, with exact landmarks."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, speakers=2, clips=2, frames=16, size=128)
    return folder


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Audit, Path]:
    out = tmp_path_factory.mktemp("audit") / "audit"
    return made(corpus, out), out


def made(corpus: Path, out: Path, **options: object) -> Audit:
    asked = {"artifacts": ARTIFACTS, "metrics": METRICS, "offline": True, **options}
    return audit(reference=corpus, out=out, **asked)  # type: ignore[arg-type]


def equal(one: Audit, other: Audit) -> bool:
    return to_json(one) == to_json(other)


def test_every_score_answers_to_every_artifact(run: tuple[Audit, Path]) -> None:
    found, _ = run
    assert {each.name for each in found.artifacts} == {text.partition("=")[0] for text in ARTIFACTS}
    assert set(found.keys) == {"psnr/whole", "psnr/mouth", "ssim/whole", "ssim/mouth", "seam"}
    assert set(found.responses) == {(each.name, key) for each in found.artifacts for key in found.keys}
    blur = found.responses["mouth-blur", "psnr/mouth"]
    assert blur.strengths == (0.0, 0.5, 1.0, 2.0)
    assert list(blur.values) == sorted(blur.values, reverse=True) and blur.values[-1] < blur.values[0] - 5
    assert blur.auc[0] == 0.5 and blur.auc[-1] == 1 and blur.monotonicity == 1 and blur.ordered == 1
    assert blur.detected <= 2
    assert len({found.responses[name, "psnr/mouth"].values[0] for name, _ in found.responses}) == 1, "one clean score"


def test_pictures_do_not_hear_and_what_cannot_move_is_blind(run: tuple[Audit, Path]) -> None:
    found, _ = run
    for key in found.keys:
        silent = found.responses["sound-silent", key]
        assert set(silent.auc) == {0.5} and len(set(silent.values)) == 1 and np.isnan(silent.detected)
    assert "sound-silent" in found.unnoticed


def test_the_verdict_follows_from_the_areas(run: tuple[Audit, Path]) -> None:
    found, _ = run
    assert {each.name for each in found.faults} == {"mouth-blur", "box-colour", "late", "sound-silent", "frame-noise"}
    assert found.strength("mouth-blur") == 2 and found.strength("box-colour") == 16 and found.strength("late") == 2
    covered = {name for key in found.recommended for name in found.noticed(key)}
    assert covered == {each.name for each in found.faults} - set(found.unnoticed)
    for key in found.keys:
        assert found.harmless(key) == 2  # noise of one level, and the codec once more
    assert ("recoded", 1.0) in found.alarms("psnr/whole") and not found.alarms("seam")
    words = " ".join(paragraph(found))
    assert "No score notices sound-silent." in words and all(key in words for key in found.recommended)


def test_an_audit_is_kept_resumed_and_added_to(corpus: Path, run: tuple[Audit, Path], tmp_path: Path) -> None:
    found, out = run
    copy = Path(shutil.copytree(out, tmp_path / "copy"))

    def refuse(*_: object) -> None:
        raise AssertionError("measured again")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Injector, "inject", refuse)
        assert equal(made(corpus, copy), found)
        fewer = made(corpus, copy, artifacts=("late=2",), metrics=("psnr",), clips=2)
        assert len(fewer.clips) == 2 and fewer.keys == ("psnr/whole", "psnr/mouth")
        with pytest.raises(AssertionError, match="measured again"):
            made(corpus, copy, artifacts=("mouth-shift",))
    parts = sorted((copy / "clips").rglob("*.npz"))
    parts[0].unlink()
    parts[1].write_bytes(b"cut off")
    assert equal(made(corpus, copy), found)


@pytest.mark.slow
def test_two_workers_give_the_bits_of_one(corpus: Path, run: tuple[Audit, Path], tmp_path: Path) -> None:
    assert equal(made(corpus, tmp_path / "two", workers=2), run[0])


def test_chance_follows_the_seed_and_seeds_do_not_mix(corpus: Path, run: tuple[Audit, Path], tmp_path: Path) -> None:
    other = made(corpus, tmp_path / "seed", seed=1, artifacts=("box-colour=4,16",), metrics=("psnr",))
    key = "box-colour", "psnr/whole"
    assert other.responses[key].values[0] == run[0].responses[key].values[0]
    with pytest.raises(RunError, match=r"audit\.seed"):
        made(corpus, run[1], seed=2)


def test_the_files_hold_it_all(run: tuple[Audit, Path], tmp_path: Path) -> None:
    found, _ = run
    paths = write_audit(found, tmp_path)
    content = json.loads(paths["json"].read_text())
    assert content["recommended"] == list(found.recommended) and content["words"] == paragraph(found)
    assert equal(read_audit(tmp_path), found)
    assert to_markdown(found) == paths["markdown"].read_text()
    assert paths["markdown"].read_text().count("| ") > 50
    page = paths["page"].read_text()
    assert page.count("<td") >= len(found.artifacts) * len(found.keys) and "http://" not in page.replace(
        "http://www.w3.org", ""
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not an audit.json"),
        ("[]", "not an audit.json"),
        ('{"format": 9}', "format 9"),
        ('{"format": 1}', "not an"),
    ],
)
def test_other_files_are_no_audit(text: str, says: str) -> None:
    with pytest.raises(RunError, match=says):
        from_json(text, "file")


def test_a_missing_audit_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="expected what lsbench audit wrote"):
        read_audit(tmp_path)


@pytest.mark.parametrize(
    ("artifacts", "says"),
    [
        (("mouth-blurr",), "did you mean mouth-blur"),
        (("mouth-blur=2,1",), "rising strengths"),
        (("mouth-blur=0,1",), "rising strengths above 0"),
        (("mouth-freeze=2",), "at most 1"),
        (("late=soon",), "NAME=STRENGTH"),
        (("late=",), "rising strengths"),
        (("mouth-blur=nan",), "rising strengths"),
        (("mouth-blur=1,inf",), "rising strengths"),
        (("late=1", "late=2"), "asked twice"),
    ],
)
def test_ladders_that_make_no_sense_are_refused(artifacts: tuple[str, ...], says: str) -> None:
    with pytest.raises(ArtifactError, match=says):
        plan.ladders(artifacts)


def test_quick_ladders_hold_the_verdicts_step() -> None:
    quick, full = plan.ladders(quick=True), plan.ladders()
    assert all(set(steps) <= set(full[name]) for name, steps in quick.items())
    assert quick["mouth-blur"] == (0.5, 2)


def test_clips_are_taken_of_every_speaker_in_turn_and_more_hold_fewer() -> None:
    clips = [Reference(f"s{speaker}/c{clip}", f"s{speaker}") for speaker in range(4) for clip in range(5)]
    four, six = plan.spread(clips, 4), plan.spread(clips, 6)
    assert {clip.speaker for clip in four} == {"s0", "s1", "s2", "s3"}
    assert set(four) <= set(six) and len(six) == 6
    assert plan.spread(clips, None) == tuple(clips) == plan.spread(clips, 99)


@pytest.mark.slow
def test_metrics_are_added_to_what_is_there(corpus: Path, tmp_path: Path) -> None:
    out, asked = tmp_path / "added", {"artifacts": ("late=2",)}
    first = made(corpus, out, metrics=("psnr",), **asked)
    made(corpus, out, metrics=("ssim",), **asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Injector, "inject", lambda *_: pytest.fail("measured again"))
        assert equal(made(corpus, out, metrics=("psnr",), **asked), first)
        assert set(made(corpus, out, metrics=("psnr", "ssim"), **asked).keys) > set(first.keys)


@pytest.mark.slow
def test_metrics_are_objects_too(corpus: Path, tmp_path: Path) -> None:
    asked = {"artifacts": ("mouth-blur=2",), "regions": ("mouth",)}
    spelled = made(corpus, tmp_path / "spelled", metrics=("psnr", "ssim:color=luma"), **asked)
    objects = made(corpus, tmp_path / "objects", metrics=(PSNR, SSIM(color="luma")), **asked)
    assert equal(objects, spelled)


def test_a_scored_run_is_not_taken_for_an_audit(corpus: Path, tmp_path: Path) -> None:
    import lsbench

    lsbench.score(corpus, reference=corpus, metrics=["psnr"], regions=["whole"], name="run", out=tmp_path, offline=True)
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(RunError, match="holds a scored run"):
        made(corpus, tmp_path / "run")
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_sets_of_few_clips_are_not_told_apart(corpus: Path, tmp_path: Path) -> None:
    try:
        weights.require("efficientnet_lite0")
    except WeightsError as error:
        pytest.skip(str(error))
    found = made(corpus, tmp_path / "few", clips=2, metrics=("psnr", "fd_efficientnet_lite0"), weight_files=None)
    assert (
        set(found.keys) == {"psnr/whole", "psnr/mouth"}
        and "too few" in found.unavailable["fd_efficientnet_lite0/whole"]
    )


def test_one_clip_cannot_be_audited(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="expected 2 or more"):
        made(corpus, tmp_path / "one", clips=1)


def test_named_metrics_without_weights_are_an_error(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LSBENCH_WEIGHTS", str(tmp_path / "weights"))
    with pytest.raises(LsbenchError, match="alexnet"):
        made(corpus, tmp_path / "lpips", metrics=("lpips",))


def test_a_score_of_many_clips_is_sampled_by_halves() -> None:
    from lsbench.metrics._base.catalogue import metrics
    from lsbench.metrics._base.stats import Stats

    (distance,) = metrics(["fd_efficientnet_lite0"], []) or metrics(["fd_efficientnet_lite0"], list(_regions()))
    random = np.random.default_rng(0)
    parts = [
        Stats(reference=random.random((4, 8), np.float32), generated=random.random((4, 8), np.float32))
        for _ in range(6)
    ]
    draws = [np.array([0, 1, 2]), np.array([3, 4, 5])]
    found = samples(distance, parts, draws)
    assert found.tolist() == [distance.fold(parts[:3])[0], distance.fold(parts[3:])[0]]


def _regions() -> tuple[object, ...]:
    from lsbench.face.track import Region

    return (Region.WHOLE,)


class Watcher:
    """A landmarker whose one face moves a little with the level of the picture, and which counts what it is shown."""

    def __init__(self) -> None:
        self.shown = 0

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def faces(self, picture: np.ndarray) -> list[Face]:
        self.shown += 1
        level = int(picture[0, 0, 0])
        angles = np.linspace(0, 2 * np.pi, 80, endpoint=False)
        points = 4 + 3 * np.stack([np.cos(angles), np.sin(angles)], axis=1) + level / 100
        shapes, pose = np.full(52, level / 100, np.float32), np.full((3, 3), level, np.float32)
        return [] if level == 7 else [Face(points, shapes, pose)]


def test_faces_are_looked_for_once_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher, other = Watcher(), Watcher()
    frames = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    clip = Clip("c", frames, np.empty(0, np.float32), 25.0)
    tracker = FaceTracker(Path("none"), "0" * 64)
    faces = Faces(tracker)
    for order in (np.arange(10), np.array([3, 3, 7, 9, 1, 1, 1, 0, 0, 5])):
        shown = replace(clip, frames=frames[order])
        monkeypatch.setattr("lsbench.face.tracker.Landmarker", lambda _: watcher)
        found = faces.of(shown)
        monkeypatch.setattr("lsbench.face.tracker.Landmarker", lambda _: other)
        expected = tracker.measure(shown)
        assert found.found.tolist() == (order != 7).tolist()
        for name in ("landmarks", "blendshapes", "pose"):
            assert np.array_equal(getattr(found, name), getattr(expected, name), equal_nan=True)
    assert (watcher.shown, other.shown) == (
        10,
        16,
    )  # the other one looks at a picture again, but not at one that is repeated


def test_the_command_line_prints_the_table_and_keeps_the_page(corpus: Path, run: tuple[Audit, Path]) -> None:
    command = ["audit", "--reference", str(corpus), "--out", str(run[1]), "--offline", "--quiet", "--workers", "1"]
    command += [part for name in ARTIFACTS for part in ("--artifact", name)]
    command += [part for name in METRICS for part in ("--metric", name)]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    for said in ("mouth-blur", "psnr/mouth", "●", "smallest set", "index.html"):
        assert said in done.output
    assert (run[1] / "index.html").is_file() and (run[1] / "audit.md").is_file()
    as_json = CliRunner().invoke(main, [*command, "--format", "json"])
    assert json.loads(as_json.output)["keys"] == ["psnr/whole", "psnr/mouth", "ssim/whole", "ssim/mouth", "seam"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["audit"], 2),
        (["audit", "--reference", "x", "--clips", "some"], 2),
        (["audit", "--reference", "nowhere", "--quiet"], 1),
        (["audit", "--list"], 0),
        (["audit", "leakage", "--help"], 0),
    ],
)
def test_usage(arguments: list[str], code: int) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == code


def test_words_that_nobody_asked_for_stop_no_audit(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "METRICS", ("psnr", "viseme_closure"))
    options = {"artifacts": ("late=2",), "metrics": None, "regions": ["whole"]}
    found = made(corpus, tmp_path / "unsaid", **options)
    if "what the clips say" not in (reason := found.unavailable["viseme_closure"]):
        pytest.skip(reason)  # the extra, or the face landmarker, is not here
    assert reason == "nothing says what the clips say"
    assert found.keys == ("psnr/whole",)
    clips = Path(shutil.copytree(corpus, tmp_path / "clips"))
    next(clips.rglob("*.m*")).with_suffix(".txt").write_text("take 2")
    assert "'2' is no word" in made(clips, tmp_path / "badly", **options).unavailable["viseme_closure"]
    with pytest.raises(ProtocolError, match="'2' is no word"):
        made(clips, tmp_path / "named", **options | {"metrics": ["viseme_closure"]})
