"""Files of our own, edited or broken: named by file and key, whatever is wrong with them."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import raters
from hostile import Case, Stock

from lsbench.mos.key import key_text

Make = Callable[[Path, Stock], object]
DIGITS = "9" * 5000
BRACKETS = "[" * 5000
EVIL = "=1\x1b[2J\u202e\x9b|`<b>"


def run(folder: Path, stock: Stock) -> None:
    """run/: a finished run."""
    shutil.copytree(stock.run, folder / "run")


def raw(name: str, content: str | bytes, base: Make = run) -> Make:
    """A file with other content."""

    def make(folder: Path, stock: Stock) -> None:
        base(folder, stock)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return make


def nothing(folder: Path, stock: Stock) -> None:
    """No other file."""


def edited(name: str, place: str, value: Any, base: Make = run) -> Make:
    """A JSON file with another value at keys joined by `>`; the key is taken out where the value is Ellipsis."""

    def make(folder: Path, stock: Stock) -> None:
        base(folder, stock)
        content = json.loads((folder / name).read_text())
        *parts, last = place.split(">")
        holder = content
        for part in parts:
            holder = holder[int(part) if isinstance(holder, list) else part]
        if value is ...:
            del holder[last]
        else:
            holder[last] = value
        (folder / name).write_text(json.dumps(content))

    return make


def columns(change: Callable[[Any], Any]) -> Make:
    """clips.parquet changed."""

    def make(folder: Path, stock: Stock) -> None:
        import pandas

        run(folder, stock)
        path = folder / "run" / "clips.parquet"
        change(pandas.read_parquet(path)).to_parquet(path, index=False)

    return make


BOARD = ["leaderboard", "run"]
KEY = "psnr/whole"
SCORE = f"scores>{KEY}>"

RESULTS: Sequence[tuple[str, Make, Sequence[str]]] = (
    ("is empty", raw("run/result.json", ""), ["run/result.json", "not readable"]),
    ("is a list", raw("run/result.json", "[]"), ["run/result.json", "no object"]),
    ("is nested 5,000 deep", raw("run/result.json", '{"a": ' + BRACKETS), ["run/result.json", "nested too deep"]),
    ("holds 5,000 digits", raw("run/result.json", f'{{"clips": {DIGITS}}}'), ["run/result.json", "5000 digits"]),
    ("holds NaN", raw("run/result.json", '{"clips": NaN}'), ["run/result.json", "NaN is no JSON"]),
    ("holds a key twice", raw("run/result.json", '{"clips": 1, "clips": 2}'), ["run/result.json", "twice"]),
    ("holds half a character", raw("run/result.json", '{"name": "\\ud800"}'), ["half a character"]),
    ("is no UTF-8", raw("run/result.json", b'{"name": "\xff\xfe"}'), ["run/result.json", "not readable"]),
    ("has a text for a value", edited("run/result.json", SCORE + "value", "good"), [f"scores.{KEY}.value is 'good'"]),
    ("has a value of 1e300", edited("run/result.json", SCORE + "value", 1e300), ["value is 1e+300"]),
    ("has an unknown direction", edited("run/result.json", SCORE + "better", "best"), ["better is 'best'"]),
    ("has a fraction of frames", edited("run/result.json", SCORE + "frames", 1.5), ["frames is 1.5"]),
    ("has true for frames", edited("run/result.json", SCORE + "frames", True), ["frames is True"]),
    ("has 2**63 clips", edited("run/result.json", "clips", 2**63), ["clips is 9223372036854775808"]),
    ("has more clips than there are", edited("run/result.json", "clips", 3), ["clips is 3; expected at most 2"]),
    ("lacks scores", edited("run/result.json", "scores", ...), ["lacks scores"]),
    ("has an unknown key", edited("run/result.json", "colour", "red"), ["unknown colour"]),
    ("has a text for failed", edited("run/result.json", "failed", "none"), ["failed is 'none'"]),
    ("has a text for fps", edited("run/result.json", "protocol>fps", "25"), ["protocol.fps is '25'"]),
    ("has true for a format", edited("run/result.json", "format", True), ["run/result.json", "format"]),
)
REQUESTS: Sequence[tuple[str, Make, Sequence[str]]] = (
    ("is empty", raw("run/run.json", ""), ["run/run.json", "not readable"]),
    ("has a list of metrics", edited("run/run.json", "metrics", ["psnr"]), ["metrics is ['psnr']; expected a table"]),
    ("has a number for a signature", edited("run/run.json", f"metrics>{KEY}", 1), [f"metrics.{KEY} is 1"]),
    ("lacks a digest", edited("run/run.json", "protocol>digest", ...), ["protocol lacks digest"]),
    ("has a number for a weight", edited("run/run.json", "weights", {"fid": 3}), ["weights.fid is 3"]),
    ("has decoding 0", edited("run/run.json", "decoding", 0), ["decoding is 0"]),
    ("has an unknown key", edited("run/run.json", "x", 1), ["unknown x"]),
    ("is of another format", edited("run/run.json", "format", 2), ["run/run.json", "format 1 expected"]),
)
TABLES: Sequence[tuple[str, Make, Sequence[str]]] = (
    ("is empty", raw("run/clips.parquet", ""), ["run/clips.parquet", "not readable"]),
    ("is text", raw("run/clips.parquet", "PAR1" * 30), ["run/clips.parquet", "not readable"]),
    ("lacks a column", columns(lambda table: table.drop(columns="frames")), ["no column frames"]),
    ("has texts for values", columns(lambda table: table.assign(value="x")), ["column value is not one of numbers"]),
    ("has numbers for clips", columns(lambda table: table.assign(clip_id=3)), ["column clip_id is not one of texts"]),
    ("has values of 1e300", columns(lambda table: table.assign(value=1e300)), ["column value holds numbers beyond"]),
    ("has gaps", columns(lambda table: table.assign(clip_id=[None, *table["clip_id"][1:]])), ["clip_id has gaps"]),
    (
        "has a row too many",
        columns(lambda table: table.iloc[[0, *range(len(table))]]),
        ["run/clips.parquet", "rows; expected at most"],
    ),
)


def study(name: str, value: Any) -> Make:
    """key.json of a small study with another value at a place, and ratings.csv of it."""

    def make(folder: Path, stock: Stock) -> None:
        key = raters.make_key(generators=("good",), clips=2, repeats=1)
        panel = raters.panel_of(2, np.random.default_rng(0))
        (folder / "ratings.csv").write_text(raters.World(key, np.random.default_rng(0)).text(panel))
        (folder / "key.json").write_text(key_text(key))
        if name:
            edited("key.json", name, value, nothing)(folder, stock)

    return make


def rated(old: str, new: str) -> Make:
    """The same with ratings in which every `old` is `new`."""

    def make(folder: Path, stock: Stock) -> None:
        study("", None)(folder, stock)
        path = folder / "ratings.csv"
        path.write_text(path.read_text().replace(old, new))

    return make


READ = ["mos", "read", "ratings.csv", "--key", "key.json"]
STUDIES: Sequence[tuple[str, Make, Sequence[str]]] = (
    ("a key that is no JSON", raw("key.json", BRACKETS, study("", None)), ["key.json", "nested too deep"]),
    ("a key with true for a seed", study("seed", True), ["key.json", "seed is True"]),
    ("a key with a text for runs", study("runs", "good"), ["key.json", "runs is 'good'; expected a list"]),
    ("a key with a number for a question", study("questions>0>text", 3), ["questions[0].text is 3"]),
    ("a key with a list for an item", study("items", {"bcdfghjklm": []}), ["items.bcdfghjklm is []"]),
    ("a key of an unknown method", study("method", "mushra"), ["method is 'mushra'"]),
    ("ratings with a cell of 200,000 characters", rated("r00", "r" * 200_000), ["ratings.csv", "field limit"]),
    ("ratings with a number of 5,000 digits", rated(",sync,", f",sync,{DIGITS}"), ["ratings.csv, line", "rating is"]),
)

PROTOCOL = 'name = "mine"\nversion = "1"\nmanifest = "mine.csv"\n'
RULE = 'name = "mine"\nversion = "1"\n[select]\n'


def protocol(text: str, manifest: str = "speaker,clip\ns1,a\n") -> Make:
    """mine.toml and mine.csv."""
    return raw("mine.toml", text, raw("mine.csv", manifest, nothing))


SHOW = ["protocols", "show", "mine.toml"]
PROTOCOLS: Sequence[tuple[str, Make, Sequence[str]]] = (
    ("5,000 brackets", protocol(f"{PROTOCOL}metrics = {BRACKETS}"), ["mine.toml", "nested too deep"]),
    ("5,000 digits", protocol(f"{PROTOCOL}frames = {DIGITS}"), ["mine.toml", "64 bits"]),
    ("a whole number of 2**63", protocol(f"{PROTOCOL}frames = {2**63}"), ["mine.toml", "64 bits"]),
    ("a rate of 2**63 - 1", protocol(f"{PROTOCOL}sample_rate = {2**63 - 1}"), ["mine.toml", "sample_rate = 9"]),
    ("fps of 1e300", protocol(f"{PROTOCOL}fps = 1e300"), ["mine.toml", "fps = 1e+300"]),
    ("fps of nan", protocol(f"{PROTOCOL}fps = nan"), ["mine.toml", "fps = nan"]),
    ("segments of inf", protocol(f"{PROTOCOL}segment_s = inf"), ["mine.toml", "segment_s = inf"]),
    ("a date for a name", protocol(PROTOCOL.replace('"mine"', "1979-05-27")), ["mine.toml", "name = "]),
    ("a name with escapes", protocol(PROTOCOL.replace('"mine"', '"a\\u001b[2J"')), ["printable", r"\x1b"]),
    ("a table for metrics", protocol(f"{PROTOCOL}[metrics]\npsnr = 1"), ["mine.toml", "metrics = "]),
    ("a text for speakers", protocol(f'{RULE}speakers = "s1"'), ["speakers = 's1'"]),
    ("2**62 clips of a speaker", protocol(f'{RULE}speakers = ["s1"]\nclips_per_speaker = {2**62}'), ["clips_per"]),
    ("a megabyte", protocol(f'{PROTOCOL}rank_by = "{"x" * (1 << 20)}"'), ["mine.toml", "larger than 1 MB"]),
    ("a manifest with quotes that do not end", protocol(PROTOCOL, 'speaker,clip\ns1,"a\n'), ["mine.csv"]),
    ("a manifest with a cell of 200,000", protocol(PROTOCOL, f"speaker,clip\ns1,{'a' * 200_000}\n"), ["mine.csv"]),
    ("a manifest with escapes", protocol(PROTOCOL, "speaker,clip\ns1,a\x1b[2J\n"), ["line 2", r"\x1b"]),
)

QUOTE = ["leaderboard", "run", "--quote", "q.toml"]
ROW = 'source = "x"\n[[rows]]\ngenerator = "a"\n'
QUOTES: Sequence[tuple[str, Make, Sequence[str]]] = (
    ("5,000 brackets", raw("q.toml", f"source = {BRACKETS}"), ["q.toml", "nested too deep"]),
    ("5,000 digits", raw("q.toml", f"{ROW}scores = {{ fid = {DIGITS} }}"), ["q.toml", "64 bits"]),
    ("a score of nan", raw("q.toml", f"{ROW}scores = {{ fid = nan }}"), ["q.toml", "score fid is nan"]),
    ("a score that is true", raw("q.toml", f"{ROW}scores = {{ fid = true }}"), ["q.toml", "score fid is True"]),
    ("a number for a note", raw("q.toml", f"{ROW}note = 3\nscores = {{ fid = 1 }}"), ["q.toml", "note is 3"]),
    ("a table for a source", raw("q.toml", "[source]\n[[rows]]\n"), ["q.toml", "source is {}"]),
)

LINE = '{"step": 1, "losses": {"L": {"mean": 1.0, "low": 1.0, "high": 1.0}}}'
LOGS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("is empty", "", ["training", "no losses yet"]),
    ("has a text for a step", f'{{"step": "1"}}\n{LINE}\n', ["log.jsonl", "line 1", "step is '1'"]),
    ("has a text for a loss", f'{{"step": 1, "losses": "low"}}\n{LINE}\n', ["log.jsonl", "losses is 'low'"]),
    ("has a text for a mean", f"{LINE.replace('1.0', chr(34) + 'x' + chr(34))}\n{LINE}\n", ["mean is 'x'"]),
    ("is nested 5,000 deep", f'{{"step": {BRACKETS}\n{LINE}\n', ["log.jsonl", "line 1"]),
    ("lacks what is drawn", f"{LINE}\n{LINE}\n", ["log.jsonl", "step 1 lacks one of ssim"]),
)


def checkpoint(change: Callable[[dict[str, Any]], object]) -> Make:
    """checkpoint.pt with a change."""

    def make(folder: Path, stock: Stock) -> None:
        import torch

        tensors = {"weight": torch.zeros(2)}
        state: dict[str, Any] = {"format": 2, "model": "lipgan", "config": {}, "step": 3, "generator": tensors}
        state |= {"critic": tensors, "ema": None, "optimisers": {}, "random": {}, "sampler": {}, "data": ""}
        change(state)
        (folder / "training").mkdir()
        torch.save(state, folder / "training" / "checkpoint.pt")

    return make


def pickled(folder: Path, stock: Stock) -> None:
    """checkpoint.pt as a pickle that would run a program, were it loaded."""

    class Program:
        def __reduce__(self) -> tuple[Any, ...]:
            return (print, ("it ran",))

    (folder / "training").mkdir()
    (folder / "training" / "checkpoint.pt").write_bytes(pickle.dumps(Program(), protocol=2))


RESUME = ["train", "lipgan", "--data", "data", "--out", "training", "--resume", "automatic", "--dry-run"]
CHECKPOINTS: Sequence[tuple[str, Make, Sequence[str]]] = (
    ("is empty", raw("training/checkpoint.pt", "", nothing), ["checkpoint.pt", "not a readable checkpoint"]),
    ("is text", raw("training/checkpoint.pt", "hello", nothing), ["checkpoint.pt", "not a readable checkpoint"]),
    ("is a program", pickled, ["checkpoint.pt", "not a readable checkpoint"]),
    ("has a text for a step", checkpoint(lambda state: state.update(step="3")), ["checkpoint.pt", "step is '3'"]),
    ("has true for a step", checkpoint(lambda state: state.update(step=True)), ["step is True"]),
    ("has a list for a configuration", checkpoint(lambda state: state.update(config=[])), ["config is []"]),
    ("has numbers for tensors", checkpoint(lambda state: state.update(generator={"w": 1})), ["generator.w is int"]),
    ("has a text for a format", checkpoint(lambda state: state.update(format="2")), ["checkpoint of format '2'"]),
    ("lacks its optimisers", checkpoint(lambda state: state.pop("optimisers")), ["lacks optimisers"]),
    ("has empty optimisers", checkpoint(lambda state: state), ["optimisers lacks generator"]),
)

INDEX = '{"format": 1, "face_size": 96, "mel": {}, "clips": []}'
SHARDS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("is empty", "", ["clips.json", "prepare the data again"]),
    ("is nested 5,000 deep", f'{{"a": {BRACKETS}', ["clips.json", "nested too deep"]),
    ("has a text for a size", INDEX.replace("96", '"96"'), ["clips.json", "face_size is '96'"]),
    ("has a text for clips", INDEX.replace("[]", '"all"'), ["clips.json", "clips is 'all'"]),
    ("has a number for a clip", INDEX.replace("[]", "[3]"), ["clips.json", "clips[0] is 3"]),
)

STUDY = ["leaderboard", "run", "--mos", "mos.json"]
AUDIT = ["report", "run", "--audit", "audit", "--out", "page", "--no-videos"]
OTHERS: Sequence[tuple[str, list[str], Make, Sequence[str]]] = (
    ("a study that is empty", STUDY, raw("mos.json", ""), ["mos.json", "not readable"]),
    ("a study of 5,000 brackets", STUDY, raw("mos.json", '{"a":' + BRACKETS), ["mos.json", "nested too deep"]),
    ("a study with true for a format", STUDY, raw("mos.json", '{"format": true}'), ["mos.json", "not of format 1"]),
    ("a study without questions", STUDY, raw("mos.json", '{"format": 1}'), ["mos.json", "lacks study, method"]),
    ("an audit that is empty", AUDIT, raw("audit/audit.json", ""), ["audit.json", "not an audit.json"]),
    ("an audit of 5,000 brackets", AUDIT, raw("audit/audit.json", '{"a":' + BRACKETS), ["nested too deep"]),
    ("an audit without keys", AUDIT, raw("audit/audit.json", '{"format": 1}'), ["audit.json", "lacks protocol"]),
    ("a bundle that is text", ["verify", "x.zip"], raw("x.zip", "hello"), ["x.zip", "not a bundle"]),
)


def weights(content: Callable[[], bytes]) -> Make:
    """bad.pt beside the stock's clips and videos."""

    def make(folder: Path, stock: Stock) -> None:
        shutil.copytree(stock.real, folder / "real")
        shutil.copytree(stock.made, folder / "made")
        (folder / "bad.pt").write_bytes(content())

    return make


FID = ["score", "made", "--reference", "real", "--metric", "fid", "--region", "whole", "--no-anchors", "--workers", "1"]
FID += ["--weights", "inception=bad.pt", "--out", "runs"]


def shown(style: str, *words: str) -> Case:
    """A run whose name would be obeyed, on a board of a format."""
    make = edited("run/result.json", "name", EVIL)

    return Case(
        f"leaderboard as {style} of a name that would be obeyed",
        [*BOARD, "--format", style],
        make,
        status=0,
        words=words,
    )


CASES = [
    *(Case(f"leaderboard: a result.json that {what}", BOARD, make, words=words) for what, make, words in RESULTS),
    *(Case(f"leaderboard: a run.json that {what}", BOARD, make, words=words) for what, make, words in REQUESTS),
    *(Case(f"leaderboard: a clips.parquet that {what}", BOARD, make, words=words) for what, make, words in TABLES),
    *(Case(f"mos read: {what}", READ, make, words=words) for what, make, words in STUDIES),
    *(Case(f"protocols show: {what}", SHOW, make, words=words) for what, make, words in PROTOCOLS),
    *(Case(f"leaderboard --quote: {what}", QUOTE, make, words=words) for what, make, words in QUOTES),
    *(
        Case(
            f"plot: a log.jsonl that {what}",
            ["plot", "training"],
            raw("training/log.jsonl", text, nothing),
            words=words,
        )
        for what, text, words in LOGS
    ),
    *(Case(f"train: a checkpoint that {what}", RESUME, make, words=words) for what, make, words in CHECKPOINTS),
    *(
        Case(
            f"train: a clips.json that {what}",
            ["train", "lipgan", "--data", "data", "--out", "training", "--dry-run"],
            raw("data/shards/s1/clips.json", text, nothing),
            words=words,
        )
        for what, text, words in SHARDS
    ),
    *(Case(f"{arguments[0]}: {what}", arguments, make, words=words) for what, arguments, make, words in OTHERS),
    Case("score: weights that are empty", FID, weights(lambda: b""), words=["bad.pt", "cannot be read"]),
    Case("score: weights that are text", FID, weights(lambda: b"hello" * 99), words=["bad.pt", "cannot be read"]),
    Case(
        "score: weights that are a pickle",
        FID,
        weights(lambda: pickle.dumps({"a": Path("x")}, protocol=2)),
        words=["bad.pt", "cannot be read"],
    ),
    shown("table", r"=1\x1b[2J\u20"),
    shown("csv", r"'=1\x1b[2J\u202e\x9b|`<b>"),
    shown("json", r"=1\u001b[2J\u202e\u009b|`<b>"),
    shown("markdown", r"=1\\x1b\[2J\\u202e\\x9b\|\`\<b\>"),
    shown("latex", r"=1\textbackslash{}x1b{[}2J\textbackslash{}u202e"),
]
