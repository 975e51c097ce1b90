"""A study of human ratings: balanced, blinded to the byte, made again by the same command, and strict with its key."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from click.testing import CliRunner
from study_runs import CLIPS, EVIL, NAMES, make_runs

import lsbench
from lsbench.cli.main import main
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import OutputError, StudyError
from lsbench.media.files import read_clip, write_clip
from lsbench.mos.key import ITEM, REFERENCE, key_text, read_key
from lsbench.mos.make import design
from lsbench.mos.make.make_study import MadeStudy, beside, make_study
from lsbench.mos.make.study import StudyOptions


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_runs(tmp_path_factory.mktemp("mos"))


@pytest.fixture(scope="module")
def made(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> MadeStudy:
    return make_study(runs, tmp_path_factory.mktemp("study") / "out")


@pytest.fixture(scope="module")
def paired(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> MadeStudy:
    return make_study(runs, tmp_path_factory.mktemp("study") / "out", StudyOptions("pairs", clips=3))


def data(made: MadeStudy) -> dict[str, Any]:
    text = made.page.read_text()
    return json.loads(text.partition('id="study">')[2].partition("</script>")[0])


def held(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def luma(frames: np.ndarray) -> np.ndarray:
    return frames @ np.array([0.299, 0.587, 0.114])


# The design


def test_clips_are_spread_over_speakers() -> None:
    speakers = {f"{name}/{clip}": name for name, count in (("a", 9), ("b", 5), ("c", 1)) for clip in range(count)}
    for seed in range(5):
        found = design.choose_clips(speakers, 7, seed)
        assert len(set(found)) == 7
        assert sorted(Counter(speakers[clip] for clip in found).values()) == [1, 3, 3]
    assert len({tuple(design.choose_clips(speakers, 7, seed)) for seed in range(5)}) > 1
    assert sorted(design.choose_clips(speakers, 99, 0)) == sorted(speakers)


@pytest.mark.parametrize("count", [1, 7, 15, 22, 60])
def test_sampled_pairs_are_balanced(count: int) -> None:
    generators, clips = ["reference", *"pqrs"], [f"c{place}" for place in range(6)]
    found = design.sample_pairs(generators, clips, count, seed=3)
    assert len(found) == len(set(found)) == min(count, 60)
    pairs = Counter(pair for _, pair in found)
    per_pair = [pairs[pair] for pair in itertools.combinations(generators, 2)]
    assert max(per_pair) - min(per_pair) <= 1
    per_clip = [sum(clip == name for name, _ in found) for clip in clips]
    assert max(per_clip) - min(per_clip) <= 1
    per_name = [sum(name in pair for _, pair in found) for name in generators]
    assert max(per_name) - min(per_name) <= 1


def test_shares_are_balanced_in_themselves_and_over_all() -> None:
    trials = [(f"c{clip}", (name,)) for clip in range(12) for name in "rpq"]
    found = design.portions(trials, 12, seed=1)
    assert len(found) == design.PORTIONS and len({tuple(share) for share in found}) > 20
    for share in found:
        assert len(set(share)) == 12
        assert set(Counter(trials[place][1] for place in share).values()) == {4}
        assert max(Counter(trials[place][0] for place in share).values()) <= 2
    used = Counter(place for share in found for place in share)
    assert max(used.values()) - min(used[place] for place in range(36)) <= 1
    assert design.portions(trials, 36, seed=1) == []


@pytest.mark.parametrize("method", ["acr", "pairs"])
@pytest.mark.parametrize("clip_s", [0.5, 3.0, 20.0])
def test_a_session_fills_twenty_minutes_and_no_more(method: str, clip_s: float) -> None:
    count = design.budget(method, clip_s, None)
    lasts = [design.session_s(method, clip_s, more + design.repeats_of(more)) for more in (count, count + 1)]
    assert lasts[0] <= 1200 < lasts[1]


# What is made


def test_every_clip_of_every_generator_and_of_the_reference_is_an_item(made: MadeStudy, runs: list[Path]) -> None:
    key = read_key(made.key)
    assert key == made.study.key and made.key == beside(made.page.parent)
    assert {(item.generator, item.clip) for item in key.items.values()} == set(
        itertools.product((REFERENCE, *NAMES), CLIPS)
    )
    assert [run.path for run in key.runs] == [str(run) for run in runs] and key.pairs == ()
    assert {item.speaker for item in key.items.values()} == {"speakerone", "speakertwo"}
    assert key.repeats == 3


def test_a_pair_is_of_one_clip_and_every_pair_of_generators_is_asked(paired: MadeStudy) -> None:
    key = read_key(paired.key)
    asked = Counter(frozenset(key.items[name].generator for name in pair) for pair in key.pairs)
    assert asked == {frozenset(pair): 3 for pair in itertools.combinations((REFERENCE, *NAMES), 2)}
    assert all(len({key.items[name].clip for name in pair}) == 1 for pair in key.pairs)
    assert len(data(paired)["practice"]) == 2 and all(len(trial) == 2 for trial in data(paired)["practice"])


def test_practice_is_of_clips_that_the_study_leaves_alone(runs: list[Path], tmp_path: Path) -> None:
    study = make_study(runs, tmp_path / "out", StudyOptions(clips=2)).study
    practised = {study.videos[name].clip for trial in study.practice for name in trial}
    assert len(practised) == 2 and not practised & {item.clip for item in study.key.items.values()}


def test_items_show_what_they_stand_for(made: MadeStudy, runs: list[Path]) -> None:
    folder = runs[0].parents[1]
    places = {REFERENCE: "reference", EVIL: "generated/noisy-frame", "lipgan": "generated/blurred-mouth"}
    for name, item in made.study.key.items.items():
        shown = read_clip(made.page.parent / f"media/{name}.mp4", name)
        apart = {}
        for generator, place in places.items():
            source = next(path for path in (folder / place).glob(f"{item.clip}.*") if path.suffix != ".npz")
            scored = read_clip(source, name)
            assert len(shown) == len(scored) == 12
            apart[generator] = np.abs(luma(shown.frames) - luma(scored.frames)).mean()  # 4:2:0 blurs colours
            assert np.corrcoef(shown.speech[:7600], scored.speech[:7600])[0, 1] > 0.9
        assert min(apart, key=lambda generator: apart[generator]) == item.generator and apart[item.generator] < 3


def test_the_page_knows_ids_and_nothing_more(made: MadeStudy, paired: MadeStudy) -> None:
    for one in (made, paired):
        page, key = data(one), one.study.key
        assert set(page) == {
            "study",
            "seed",
            "method",
            "questions",
            "items",
            "trials",
            "shares",
            "practice",
            "repeats",
            "scale",
            "columns",
            "headphones",
        }
        assert all(set(item) == {"id", "file", "group"} and ITEM.fullmatch(item["id"]) for item in page["items"])
        assert [item["id"] for item in page["items"]] == sorted(item["id"] for item in page["items"])
        assert page["trials"] == sorted(page["trials"]) and key.secret not in one.page.read_text()
        clips = {item["group"]: one.study.videos[item["id"]].clip for item in page["items"]}
        assert all(clips[item["group"]] == one.study.videos[item["id"]].clip for item in page["items"])


def test_no_byte_that_raters_hold_names_a_generator_a_clip_or_a_place(
    made: MadeStudy, paired: MadeStudy, runs: list[Path]
) -> None:
    root = runs[0].parents[1]
    told = [*NAMES, "alert(1)", "noisy-frame", "blurred-mouth", "clipalpha", "clipbeta", "speakerone", "speakertwo"]
    told += ["synthetic", "rendered by", "generated/", str(root), root.name, "/runs", "-key.json"]
    for one in (made, paired):
        told += [one.study.key.secret, *(item.sha256 for item in one.study.key.items.values())]
    for one in (made, paired):
        files = held(one.page.parent)
        assert len(files) == 1 + len(one.study.videos)
        for name, content in files.items():
            for text in told:
                for form in (text, text.upper(), text.replace("<", "\\u003c").replace(">", "\\u003e")):
                    assert form.encode() not in content and form.encode("utf-16-le") not in content, (name, text)
                assert text not in name


def test_nothing_but_the_picture_tells_videos_of_a_clip_apart(made: MadeStudy) -> None:
    seen: dict[str, set[Any]] = {}
    times = {path.stat().st_mtime_ns for path in made.page.parent.rglob("*")}
    for name, film in made.study.videos.items():
        with av.open(made.page.parent / f"media/{name}.mp4") as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            facts = [sorted(thing.metadata.items()) for thing in (container, video, audio)]
            facts += [
                video.frames,
                video.width,
                video.height,
                video.average_rate,
                audio.frames,
                audio.rate,
                audio.duration,
            ]
            facts += [video.codec_context.pix_fmt, container.duration]
        seen.setdefault(film.clip, set()).add(repr(facts))
    assert all(len(facts) == 1 for facts in seen.values()) and len(times) == 1
    assert "comment" not in repr(seen)


@pytest.mark.slow
def test_the_same_command_makes_the_same_study_and_keeps_what_else_lies_there(runs: list[Path], tmp_path: Path) -> None:
    first = make_study(runs, tmp_path / "out", StudyOptions(clips=2, seed=4))
    before, key = held(tmp_path / "out"), first.key.read_bytes()
    (tmp_path / "out" / "ratings-of-anna.csv").write_text("kept")
    again = make_study(runs[::-1], tmp_path / "out", StudyOptions(clips=2, seed=4))
    assert again.study.key.study == first.study.key.study
    assert held(tmp_path / "out") == before | {"ratings-of-anna.csv": b"kept"}
    assert make_study(runs, tmp_path / "out", StudyOptions(clips=2, seed=4)).key.read_bytes() == key
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["out", "out-key.json"]


@pytest.mark.slow
def test_another_secret_hides_the_same_choice_under_other_ids(runs: list[Path], tmp_path: Path) -> None:
    one, other = (make_study(runs, tmp_path / name, StudyOptions(clips=2)).study for name in ("one", "other"))
    assert not set(one.videos) & set(other.videos) and one.key.study != other.key.study
    cells = [{(item.generator, item.clip) for item in study.key.items.values()} for study in (one, other)]
    assert cells[0] == cells[1]
    seeds = {
        frozenset(
            item.clip
            for item in make_study(
                runs, tmp_path / f"s{seed}", StudyOptions(clips=2, seed=seed)
            ).study.key.items.values()
        )
        for seed in range(4)
    }
    assert len(seeds) > 1


# Malformed input


def refused(said: str, runs: list[Path], out: Path, key: Path | None = None, **asked: Any) -> None:
    options = StudyOptions(**asked)
    there = out.exists()
    with pytest.raises((OutputError, StudyError), match=said):
        make_study(runs, out, options, key=key)
    assert out.exists() == there and not list(out.parent.glob(".out.*"))


def changed(run: Path, target: Path, name: str, change: Callable[[dict[str, Any]], object]) -> Path:
    """A copy of a run with one of its JSON files changed."""
    shutil.copytree(run, target)
    content = json.loads((target / name).read_text())
    change(content)
    (target / name).write_text(json.dumps(content))
    return target


def test_runs_that_cannot_be_shown_together_are_refused(runs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    short = changed(runs[0], tmp_path / "a", "result.json", lambda result: result.update(clips=3, name="short"))
    refused("3 of 4 clips are scored", [short, runs[1]], out)
    alien = changed(runs[0], tmp_path / "b", "run.json", lambda run: run["protocol"].update(digest="0" * 64))
    refused("runs of one protocol", [runs[1], alien], out)
    named = changed(runs[0], tmp_path / "c", "result.json", lambda result: result.update(name="reference"))
    refused("stands for the real clips", [named], out)
    twin = Path(shutil.copytree(runs[0], tmp_path / "d"))
    refused("both called", [runs[0], twin], out)
    refused("no runs", [], out)
    lost = Path(shutil.copytree(runs[0], tmp_path / "e"))
    next((lost / "clips").rglob("*.npz")).unlink()
    refused("is not kept in it", [lost], out)


def test_videos_that_are_gone_or_others_are_named(runs: list[Path], tmp_path: Path) -> None:
    out, root = tmp_path / "out", runs[0].parents[1]
    gone = changed(runs[1], tmp_path / "a", "run.json", lambda run: run.update(reference="/gone"))
    refused("pass --reference DIR", [gone], out)
    assert make_study([gone], tmp_path / "found", StudyOptions(clips=1), reference=root / "reference").page.exists()
    lost = changed(runs[1], tmp_path / "b", "run.json", lambda run: run.update(generated="/gone"))
    refused("generated video not found", [lost], out)
    shutil.copytree(root / "generated/blurred-mouth", tmp_path / "made")
    moved = changed(runs[1], tmp_path / "c", "run.json", lambda run: run.update(generated=str(tmp_path / "made")))
    video = next((tmp_path / "made").rglob("*.m*"))
    clip = read_clip(video, "x")
    write_clip(video, clip.frames[::-1], clip.speech, clip.fps)
    refused("another file than was scored", [moved], out)


def test_a_silent_video_is_named(tmp_path: Path) -> None:
    write_corpus(tmp_path / "reference", speakers=1, clips=1, frames=12, size=96)
    source = next((tmp_path / "reference").rglob("a0.m*"))
    clip = read_clip(source, "x")
    (tmp_path / "silent/t1").mkdir(parents=True)
    write_clip(tmp_path / "silent/t1/a0.mp4", clip.frames, clip.speech[:0], clip.fps)
    run = lsbench.score(
        tmp_path / "silent",
        reference=tmp_path / "reference",
        metrics=["psnr"],
        regions=["whole"],
        sound="optional",
        out=tmp_path / "runs",
    ).path
    refused("has no sound", [run], tmp_path / "out")


def test_places_that_are_not_ours_are_left_alone(runs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    refused("goes to raters", runs, out, key=out / "key.json")
    refused("is a folder", runs, out, key=tmp_path)
    refused("raters see the folder's name", runs, tmp_path / "Rate-LipGAN")
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    refused("thesis.txt stands there", runs, out)
    (out / "index.html").write_text("<html>mine")
    refused("not a page of lsbench mos", runs, out)
    assert held(out) == {"index.html": b"<html>mine", "thesis.txt": b"mine"}
    (tmp_path / "file").write_text("mine")
    refused("is a file", runs, tmp_path / "file")


def test_a_study_is_never_overwritten_by_another(runs: list[Path], tmp_path: Path) -> None:
    made = make_study(runs, tmp_path / "out", StudyOptions(clips=1))
    before, key = held(tmp_path / "out"), made.key.read_bytes()
    refused("is the key of study", runs, tmp_path / "out", clips=2)
    refused("is the key of study", runs, tmp_path / "elsewhere", clips=2, key=made.key)
    refused("page of another study", runs, tmp_path / "out", clips=1, key=tmp_path / "new.json")
    assert held(tmp_path / "out") == before and made.key.read_bytes() == key and not (tmp_path / "new.json").exists()


def test_wishes_out_of_range_are_named(runs: list[Path], tmp_path: Path) -> None:
    refused("pass --clips from 1 to 4", runs, tmp_path / "out", clips=5)
    refused("repeats is -1", runs, tmp_path / "out", repeats=-1)
    refused("per-rater is 0", runs, tmp_path / "out", per_rater=0)
    refused("method is mushra", runs, tmp_path / "out", method="mushra")


def item_of(key: dict[str, Any]) -> dict[str, Any]:
    return next(iter(key["items"].values()))


def of_one_clip(key: dict[str, Any]) -> list[str]:
    return sorted(key["items"], key=lambda name: key["items"][name]["clip"])[:2]


FAULTS: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "format": ("format is 2", lambda key: key.update(format=2)),
    "missing": ("lacks seed", lambda key: key.pop("seed")),
    "unknown": ("unknown extra", lambda key: key.update(extra=1)),
    "study": ("study is 'X'", lambda key: key.update(study="X")),
    "method": ("method is 'best'", lambda key: key.update(method="best")),
    "seed": ("seed is True", lambda key: key.update(seed=True)),
    "negative": ("repeats is -1", lambda key: key.update(repeats=-1)),
    "secret": ("secret is 'no'", lambda key: key.update(secret="no")),
    "scale": ("scale is", lambda key: key.update(scale=[0, 10])),
    "questions": ("questions are not", lambda key: key["questions"].pop()),
    "headphones": ("7 of 6", lambda key: key["headphones"].update({"pass": 7})),
    "runs": ("names of runs", lambda key: key["runs"].append(key["runs"][0])),
    "protocol": ("protocol.digest", lambda key: key["protocol"].update(digest=None)),
    "items": ("items is not", lambda key: key.update(items={})),
    "item": ("lacks clip", lambda key: item_of(key).pop("clip")),
    "id": ("as an id", lambda key: key["items"].update({"../../x": item_of(key)})),
    "generator": ("none of the runs", lambda key: item_of(key).update(generator="x")),
    "sha256": ("sha256 is 'x'", lambda key: item_of(key).update(sha256="x")),
    "twice": ("is there twice", lambda key: list(key["items"].values())[1].update(item_of(key))),
    "pairs": ("pairs has 1 of them", lambda key: key["pairs"].append(of_one_clip(key))),
    "pair": ("is no item", lambda key: key["pairs"].append(["a", "b"])),
    "across": ("two of one clip", lambda key: key["pairs"].append([min(key["items"])] * 2)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_malformed_key_is_named(made: MadeStudy, tmp_path: Path, fault: str) -> None:
    said, change = FAULTS[fault]
    content = json.loads(key_text(made.study.key))
    change(content)
    (tmp_path / "key.json").write_text(json.dumps(content))
    with pytest.raises(StudyError, match=said):
        read_key(tmp_path / "key.json")


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"null", b'{"format":1,"format":1}', b"[" * 100_000])
def test_what_is_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key.json").write_bytes(content)
    with pytest.raises(StudyError, match="not a key of a study"):
        read_key(tmp_path / "key.json")
    with pytest.raises(StudyError, match="no such file"):
        read_key(tmp_path / "none.json")


# The command


def test_the_command_says_what_was_made(runs: list[Path], tmp_path: Path) -> None:
    arguments = ["mos", "make", *map(str, runs), "--out", str(tmp_path / "out"), "--workers", "1", "--clips", "3"]
    done = CliRunner().invoke(main, [*arguments, "--per-rater", "6", "--seed", "5"])
    assert done.exit_code == 0, done.output
    assert "9 items of 3 clips and 2 generators" in done.output and "6 of 9, 3 of them twice" in done.output
    assert str(tmp_path / "out-key.json") in done.output and "alone" in done.output
    failed = CliRunner().invoke(main, [*arguments, "--seed", "6"])
    assert failed.exit_code == 1 and "is the key of study" in failed.output and failed.output.count("\n") == 1
    assert CliRunner().invoke(main, ["mos", "make", "--out", "x"]).exit_code == 2


def test_the_help_of_read_names_the_key_that_make_writes() -> None:
    """The examples of `make` write into the folder study; those of `read` take the key of it."""
    make, read = (CliRunner().invoke(main, ["mos", verb, "--help"]).output for verb in ("make", "read"))
    assert "--out study\n" in make
    assert set(re.findall(r"--key (\S+)\.json", read)) == {beside(Path("study")).stem}
