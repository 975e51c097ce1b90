"""Outputs that would lie on the work of others, or on what is read."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hostile import Case, Stock

NOT_WRITTEN = "othing was written"
REFERENCE = ("--reference", "real", "--workers", "1")
SCORE = ("score", "made", *REFERENCE, "--metric", "psnr", "--no-anchors")
GENERATE = ("generate", "late", *REFERENCE)
REPORT = ("report", "runs/good", "--no-videos", "--workers", "1")
AUDIT = ("audit", *REFERENCE, "--quick", "--clips", "2", "--artifact", "mouth-blur", "--metric", "psnr")
TRAIN = ("train", "lipgan", "--data", "data", "--dry-run")
MOS = ("mos", "make", "runs/good", "--workers", "1", "--clips", "1")

Make = Callable[[Path, Stock], object]


def stocked(folder: Path, stock: Stock) -> None:
    """real/, made/ and runs/good, as a user has them."""
    assert stock.run
    for name in ("real", "made", "runs"):
        shutil.copytree(stock.folder / "work" / name, folder / name)
    request = folder / "runs/good/run.json"
    request.write_text(request.read_text().replace(str(stock.folder / "work"), str(folder)))


def with_thesis(*names: str) -> Make:
    """The stock, and files of the user's."""

    def make(folder: Path, stock: Stock) -> None:
        stocked(folder, stock)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("precious\n")

    return make


def with_link(name: str, target: str, *, hard: bool = False) -> Make:
    """The stock, and a link; a target that is not there stays so."""

    def make(folder: Path, stock: Stock) -> None:
        stocked(folder, stock)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if hard:
            (folder / name).hardlink_to(folder / target)
        else:
            (folder / name).symlink_to(folder / target)

    return make


def copied(made: str, name: str) -> Make:
    """The stock, and a copy of a part of it under another name."""

    def make(folder: Path, stock: Stock) -> None:
        stocked(folder, stock)
        shutil.copytree(folder / made, folder / name)

    return make


def study_key(folder: Path, stock: Stock) -> None:
    """study-key.json of a study of the run."""
    stocked(folder, stock)
    shutil.copyfile(stock.also("study-key.json", *MOS, "--out", "study"), folder / "study-key.json")
    (folder / "ratings.csv").write_text("study,rater\n")


def trained(folder: Path, _: Stock) -> None:
    """run/log.jsonl of a training, with figures/losses.png of the user's."""
    (folder / "run/figures").mkdir(parents=True)
    (folder / "run/log.jsonl").write_text(
        '{"step": 1, "losses": {"l1": {"low": 0.1, "mean": 0.2, "high": 0.3}}, "validation": {"ssim/whole": 0.5, '
        '"ssim/mouth": 0.5, "psnr/whole": 20.0, "psnr/mouth": 20.0}, "frames": {"ssim/whole": [0.5], "ssim/mouth": '
        '[0.5], "psnr/whole": [20.0], "psnr/mouth": [20.0]}}\n'
    )
    (folder / "run/figures/losses.png").write_bytes(b"precious")


def mine_beside_training(folder: Path, stock: Stock) -> None:
    """A training, and mine/thesis.tex."""
    trained(folder, stock)
    (folder / "mine").mkdir()
    (folder / "mine/thesis.tex").write_text("precious")


def failing(folder: Path, stock: Stock) -> None:
    """own/: a generator's own videos, whose code has been changed to what fails."""
    stocked(folder, stock)
    (folder / "kept.py").write_text("def make(face, speech):\n    return face.frames\n")
    outcome = stock.server.run(folder.parent, ["generate", "py:kept:make", *REFERENCE, "--out", "own"])
    assert outcome.status == 0, outcome
    (folder / "kept.py").write_text("def make(face, speech):\n    raise RuntimeError('no model')\n")


def videos_are_kept(folder: Path) -> None:
    """The videos that were there are there, whole."""
    assert {path.stat().st_size > 1000 for path in (folder / "own").rglob("*.mp4")} == {True}
    assert len(list((folder / "own").rglob("*.mp4"))) == 2


def replaced_video(folder: Path, stock: Stock) -> None:
    """A generator's own folder, one video of which the user has replaced by another."""
    stocked(folder, stock)
    outcome = stock.server.run(folder.parent, [*GENERATE, "--out", "own"])
    assert outcome.status == 0, outcome
    shutil.copyfile(folder / "made/t1/a0.mp4", folder / "own/t1/a0.mp4")


def zip_of_another(folder: Path, stock: Stock) -> None:
    """mine.zip: an archive that is no bundle."""
    stocked(folder, stock)
    with zipfile.ZipFile(folder / "mine.zip", "w") as archive:
        archive.writestr("thesis.tex", "precious")


def fifo(name: str) -> Make:
    """The stock, and a named pipe."""

    def make(folder: Path, stock: Stock) -> None:
        stocked(folder, stock)
        os.mkfifo(folder / name)

    return make


def refused(
    what: str, verb: Sequence[str], out: str, make: Make = stocked, words: Sequence[str] = (), **more: str
) -> Case:
    """A command whose output is refused, and which changes nothing."""
    option = more.get("option", "--out")
    name = " ".join(word for word in verb[:2] if word in ("mos", "make", "read") or word == verb[0])
    return Case(f"{name} {option} {what}", [*verb, option, out], make, words=[NOT_WRITTEN, *words])


FOLDERS = [  # every verb that fills a folder: its command up to --out
    GENERATE,
    REPORT,
    AUDIT,
    MOS,
    ("leaderboard", "runs/good", "--summary"),
    ("quickstart",),
]
CASES = [
    *(
        case
        for verb in FOLDERS
        for case in (
            refused(
                "on a folder of other things", verb, "mine", with_thesis("mine/thesis.tex"), ["thesis.tex", "mine"]
            ),
            refused("deep in a folder of other things", verb, "mine", with_thesis("mine/a/b/c.tex"), ["mine"]),
            refused("on a file", verb, "mine", with_thesis("mine"), ["mine", "precious"]),
            refused("on a link to nothing", verb, "mine", with_link("mine", "nowhere"), ["leads nowhere"]),
            refused("on a link to a folder of others", verb, "mine", with_link("mine", "made"), ["mine"]),
            refused("on a named pipe", verb, "mine", fifo("mine"), ["no plain file"]),
            refused("on a home of everything", verb, ".", stocked, ["."]),
        )
    ),
    *(
        case
        for verb in FOLDERS[:-1]
        for case in (
            refused("on a run", verb, "runs/good", stocked, ["runs/good"]),
            refused("in a run", verb, "runs/good/new", stocked, ["runs/good"]),
            refused("around a run", verb, "runs", stocked, ["runs"]),
            refused("on the reference", verb, "real", stocked, ["real"]),
            refused("in the reference", verb, "real/new", stocked, ["real"]),
            refused("on finished videos", verb, "made", stocked, ["made"]),
        )
        if not (verb in (GENERATE, AUDIT) and "runs/good/new" in case.arguments)  # they read no run
    ),
    # what a generator makes
    refused("on a copy of another's videos", GENERATE, "gcopy", copied("made", "gcopy"), ["gcopy"]),
    refused("through a link on the reference", GENERATE, "link", with_link("link", "real"), ["link"]),
    refused("on a video of the user's", GENERATE, "own", replaced_video, ["own/t1/a0.mp4", "late"]),
    Case(
        "generate fails and keeps what was there",
        ["generate", "py:kept:make", *REFERENCE, "--out", "own"],
        failing,
        words=["no model"],
        changes=["own/logs", "own/generation.json"],
        check=videos_are_kept,
    ),
    # runs
    Case("score on a run's own videos", [*SCORE, "--out", ".", "--name", "made"], stocked, words=["made", NOT_WRITTEN]),
    Case("score on the reference", [*SCORE, "--out", ".", "--name", "real"], stocked, words=["real", NOT_WRITTEN]),
    Case("score in the reference", [*SCORE, "--out", "real"], stocked, words=["real", NOT_WRITTEN]),
    Case("score in the videos", [*SCORE, "--out", "made/runs"], stocked, words=["made", NOT_WRITTEN]),
    Case(
        "score on a folder of other things",
        [*SCORE, "--out", ".", "--name", "mine"],
        with_thesis("mine/thesis.tex"),
        words=["thesis.tex", NOT_WRITTEN],
    ),
    Case("score below a file", [*SCORE, "--out", "mine"], with_thesis("mine"), words=["mine"]),
    Case(
        "score on another's run.json",
        [*SCORE, "--out", ".", "--name", "mine"],
        with_thesis("mine/run.json"),
        words=["run.json"],
    ),
    Case("audit on a scored run", [*AUDIT, "--out", "runs/good"], stocked, words=["runs/good"]),
    # files
    *(
        refused(f"on {name}", ("bundle", "runs/good"), name, stocked, [name])
        for name in ("runs/good/run.json", "runs/good/result.json", "runs/good", "real/t1/a0.mkv", "made/t1/a0.mp4")
    ),
    refused("in its run", ("bundle", "runs/good"), "runs/good/new.zip", stocked, ["runs/good"]),
    refused("on another's archive", ("bundle", "runs/good"), "mine.zip", zip_of_another, ["mine.zip"]),
    refused("on a text", ("bundle", "runs/good"), "mine", with_thesis("mine"), ["mine", "precious"]),
    refused(
        "on a link to its run", ("bundle", "runs/good"), "x.zip", with_link("x.zip", "runs/good/run.json"), ["x.zip"]
    ),
    refused(
        "on a hard link to its run",
        ("bundle", "runs/good"),
        "x.zip",
        with_link("x.zip", "runs/good/run.json", hard=True),
        ["x.zip"],
    ),
    refused("on a named pipe", ("bundle", "runs/good"), "pipe", fifo("pipe"), ["no plain file"]),
    Case("bundle below a file", ["bundle", "runs/good", "--out", "mine/x.zip"], with_thesis("mine"), words=["mine"]),
    *(
        refused(f"on {name}", ("leaderboard", "runs/good"), name, with_thesis("mine.csv"), [name], option="--frames")
        for name in ("runs/good/clips.parquet", "mine.csv", "runs/good/new.csv")
    ),
    *(
        Case(f"mos make --key on {name}", [*MOS, "--out", "study", "--key", name], words=[name], make=stocked)
        for name in ("runs/good/run.json", "real/t1/a0.mkv", "made/t1/a0.mp4", "real")
    ),
    *(
        refused(f"on {name}", ("mos", "read", "ratings.csv", "--key", "study-key.json"), name, study_key, [name])
        for name in ("study-key.json", "ratings.csv", "real/t1/a0.mkv")
    ),
    refused("in a run", (*MOS, "--out", "study"), "runs/good/key.json", stocked, ["runs/good"], option="--key"),
    # trainings
    refused("on a folder of other things", TRAIN, "mine", with_thesis("mine/thesis.tex", "data/x"), ["thesis.tex"]),
    refused("on a run", TRAIN, "runs/good", with_thesis("data/x"), ["runs/good"]),
    refused("on its data", TRAIN, "data", with_thesis("data/x"), ["data"]),
    refused("in its data", TRAIN, "data/new", with_thesis("data/x"), ["data"]),
    refused("around its data", TRAIN, ".", with_thesis("data/x"), ["data"]),
    Case("plot over the user's figure", ["plot", "run"], trained, words=["losses.png", NOT_WRITTEN]),
    refused("on the training", ("plot", "run"), "run", trained, ["run"]),
    refused("on a folder of other things", ("plot", "run"), "mine", mine_beside_training, ["thesis.tex"]),
]
