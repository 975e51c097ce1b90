"""From run folders to a verdict: intervals, ties, flips, formats, quoted figures, and two runs compared."""

from __future__ import annotations

import html
import io
import json
import math
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.text import Text

from lsbench.board.compare import compare
from lsbench.board.quotes import read_quotes
from lsbench.board.rank import leaderboard
from lsbench.board.significance import Agreement, Flip
from lsbench.cli.main import main
from lsbench.errors import ComparisonError, RunError
from lsbench.face.track import Region
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.stats import Stats
from lsbench.registry import STANDINS
from lsbench.report.page.figures import slope_figure
from lsbench.report.text import json_record, latex, markdown
from lsbench.report.text.pairs import flip_lines, significant_flips
from lsbench.report.text.remarks import remarks
from lsbench.run import anchors
from lsbench.run.folder import FORMAT, TABLE, Run
from lsbench.run.result import Partial, Result, Score
from lsbench.run.shown import half

CLIPS = [f"s{speaker}/c{clip}" for speaker in range(1, 5) for clip in range(6)]
PROTOCOL = {
    "name": "test",
    "version": "1",
    "digest": "d" * 64,
    "manifest_sha256": "m" * 64,
    "clips": len(CLIPS),
    "rank_by": "ssim/mouth",
    "align": "strict",
}
VERSIONS = {"av": "18.1.0", "soxr": "1.0", "numpy": "2.0", "piq": "0.8"}
BETTER = {"psnr": "higher", "ssim": "higher", "lmd": "lower", "av_offset": "zero", "head_motion:real=none": "none"}


def run(
    root: Path,
    name: str,
    values: dict[str, Any],
    *,
    folder: str | None = None,
    better: Mapping[str, str] = BETTER,
    **changes: Any,
) -> Path:
    """A complete run: values (clips,) by key, every clip of 10 frames; changes go into run.json."""
    kept = Run(root / (folder or name))
    signatures = {key: f"{key}.1" for key in values}
    request: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "protocol": PROTOCOL,
        "metrics": signatures,
        "tracker": "t.1",
        "weights": {},
        "versions": VERSIONS,
        "device": "cpu",
    }
    kept.open(request | changes)
    table: dict[str, list[Any]] = {column: [] for column in TABLE}
    scores = {}
    for key, given in values.items():
        clip_values = np.asarray(given, np.float64)
        known = clip_values[~np.isnan(clip_values)]
        value = float(known.mean()) if len(known) else math.nan
        metric, _, region = key.rpartition("/") if "/" in key else (key, "", "")
        scores[key] = Score(value, better[metric], signatures[key], 240)
        with np.errstate(invalid="ignore"):
            influence = np.where(np.isnan(clip_values), 0, clip_values - value)
        for clip, clip_value, moved in zip(CLIPS, clip_values, influence, strict=True):
            cells = (clip, clip[:2], metric, region, clip_value, 10, moved if math.isfinite(value) else math.nan)
            for column, cell in zip(TABLE, cells, strict=True):
                table[column].append(cell)
    protocol = (request | changes)["protocol"]
    kept.finish(Result(name, kept.path, protocol, scores, len(CLIPS), len(CLIPS), compared_frames=240), table)
    return kept.path


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """good and twin are as good, poor is worse on the mouth and best on the whole frame."""
    random = np.random.default_rng(0)
    shared = random.normal(0, 0.05, len(CLIPS))

    def some(mean: float, spread: float) -> Any:
        return mean + spread * (10 * shared + random.normal(0, 0.3, len(CLIPS)))

    return [
        run(tmp_path, "good", {"ssim/whole": some(0.90, 0.02), "ssim/mouth": some(0.90, 0.02), "lmd": some(2, 0.1)}),
        run(tmp_path, "twin_$&", {"ssim/whole": some(0.91, 0.02), "ssim/mouth": some(0.90, 0.02), "lmd": some(2, 0.1)}),
        run(tmp_path, "poor", {"ssim/whole": some(0.95, 0.02), "ssim/mouth": some(0.70, 0.02), "lmd": some(4, 0.1)}),
    ]


def said(board: Any) -> str:
    return "\n".join(remarks(board))


def test_scores_lie_in_their_intervals_and_letters_say_who_is_apart(runs: list[Path]) -> None:
    board = leaderboard(runs)
    for row in board.rows:
        for key in board.keys:
            low, high = board.column(key).interval(row.generator)
            assert low < row.result.scores[key].value < high
    assert {name: board.column("ssim/mouth").letters[name] for name in ("good", "twin_$&", "poor")} == {
        "good": "a",
        "twin_$&": "a",
        "poor": "b",
    }
    first, second = board.neighbours()
    assert (first.significant, second.significant) == (False, True)
    assert first.low < first.difference < first.high
    assert first.clips_needed > len(CLIPS) > second.clips_needed
    assert "cannot be told apart" in said(board)
    assert "4 speakers are too few" in said(board)


def test_flips_between_whole_and_mouth_are_counted_and_tested(runs: list[Path]) -> None:
    board = leaderboard(runs)
    (agreement,) = board.whole_against_mouth()
    assert {(flip.ahead, flip.behind, flip.significant) for flip in agreement.flips} >= {
        ("poor", "good", True),
        ("poor", "twin_$&", True),
    }
    assert agreement.low <= agreement.tau <= agreement.high <= 1
    assert "pairs of generators in opposite order, 2 of them significantly" in said(board)
    assert "rank the generators least alike" in said(board)


def test_every_pair_flip_and_agreement_is_told(runs: list[Path]) -> None:
    board = leaderboard(runs)
    content = json_record.record(board)
    assert set(content["pairs"]) == set(board.keys)
    for key, pairs in content["pairs"].items():
        assert len(pairs) == 3
        for pair in pairs:
            scores = {row["generator"]: row["scores"][key]["value"] for row in content["rows"]}
            assert pair["difference"] == pytest.approx(scores[pair["one"]] - scores[pair["other"]])
            assert pair["low"] < pair["difference"] < pair["high"]
            place, names = board.keys.index(key), board.significance.clip_values.names
            assert pair["p"] == board.significance.p[place, names.index(pair["one"]), names.index(pair["other"])]
            assert pair["significant"] == (pair["p"] < 0.05)
    neighbours = [pair for pair in content["pairs"]["ssim/mouth"] if pair in content["neighbours"]]
    assert len(neighbours) == len(content["neighbours"]) == 2
    agreement, (told,) = content["agreement"], board.whole_against_mouth()
    at = board.keys.index("ssim/whole"), board.keys.index("ssim/mouth")
    for name, value in (("tau", told.tau), ("low", told.low), ("high", told.high), ("flips", len(told.flips))):
        assert agreement[name][at[0]][at[1]] == agreement[name][at[1]][at[0]] == value
    assert [agreement["flips"][place][place] for place in range(3)] == [0, 0, 0]
    line = "ahead on the whole frame, behind on the mouth: ssim: poor over good; ssim: poor over twin_$&"
    assert line in content["remarks"]
    written = markdown.to_markdown(board)
    assert "Every two generators by ssim/mouth." in written and "| yes |" in written
    assert "poor is ahead of good on the whole frame, behind it on the mouth (p = " in written
    assert f"{told.tau:.2f} ({told.low:.2f} to {told.high:.2f}; {len(told.flips)})" in written


def test_the_page_shows_pairs_flips_and_the_interval_of_agreement(tmp_path: Path, runs: list[Path]) -> None:
    arguments = ["report", *map(str, runs), "--out", str(tmp_path / "page"), "--no-videos", "--workers", "1", "-q"]
    done = CliRunner().invoke(main, [*arguments, "--difference", "0.01"])
    assert done.exit_code == 0, done.output
    page = html.unescape((tmp_path / "page/index.html").read_text())
    (told,) = leaderboard(runs).whole_against_mouth()
    assert "0.01 takes about" in page
    assert "<td>good</td><td>poor</td>" in page and "<td>yes</td>" in page
    assert "<li>poor is ahead of good on the whole frame, behind it on the mouth (p = " in page
    assert f'title="95 %: {told.low:.2f} to {told.high:.2f}; {len(told.flips)} flips">{told.tau:.2f}<' in page
    (alt,) = re.findall(r'<img src="figures/slope[^"]*" alt="([^"]*)"', page)
    assert alt.startswith("Ranks by ssim, on the whole frame and on the mouth: ") and "poor 1 and 3" in alt
    assert 'aria-live="off"' in (tmp_path / "page/clip.html").read_text()


def test_lines_of_flips_that_may_be_chance_are_dashed(runs: list[Path]) -> None:
    board = leaderboard(runs)
    (told,) = board.whole_against_mouth()
    for p, style in ((0.01, "-"), (0.2, "--")):
        flipped = replace(told, flips=(Flip("poor", "good", p),))
        lines = {line.get_linestyle() for line in slope_figure(board, flipped).axes[0].lines}
        assert lines == {"-", style}


def test_three_significant_flips_are_named_and_others_counted() -> None:
    flips = tuple(Flip("a", f"b{place}", 0.01 * place) for place in range(1, 7))  # 0.01 to 0.06
    told = Agreement("psnr/whole", "psnr/mouth", 0.0, -1.0, 1.0, 15, flips)
    (line,) = significant_flips([told, Agreement("ssim/whole", "ssim/mouth", 1.0, 1.0, 1.0, 15, ())])
    assert line.endswith(": psnr: a over b1; psnr: a over b2; psnr: a over b3; and 1 more")
    assert flip_lines(told)[-1].endswith("(p = 0.06, not significant)")
    assert significant_flips([Agreement("psnr/whole", "psnr/mouth", 0.0, -1.0, 1.0, 1, flips[-1:])]) == []


def test_the_verdict_depends_on_neither_order_nor_company(runs: list[Path]) -> None:
    whole = leaderboard(runs)
    assert json_record.to_json(whole) == json_record.to_json(leaderboard([*runs[1:], runs[0]]))
    alone = leaderboard(runs[:1])
    np.testing.assert_allclose(
        alone.column("lmd").interval(alone.rows[0].generator), whole.significance.interval("lmd", "good"), rtol=1e-12
    )


def test_scores_that_leave_out_clips_are_not_ranked(tmp_path: Path, runs: list[Path]) -> None:
    lucky = np.full(len(CLIPS), 0.5)
    lucky[3] = np.nan
    board = leaderboard([*runs, run(tmp_path, "lucky", {"ssim/mouth": np.full(len(CLIPS), 0.1), "lmd": lucky})], "lmd")
    row = next(row for row in board.rows if row.generator == "lucky")
    assert row.rank is None
    assert row.ranks == {"ssim/mouth": 4}
    assert "lucky: lmd is defined in 23 of 24 clips, fewer than for others, and not ranked" in said(board)
    assert "lucky" not in board.column("lmd").letters


def test_clips_undefined_for_all_do_not_matter(tmp_path: Path) -> None:
    values = np.linspace(1, 2, len(CLIPS))
    values[3] = np.nan
    board = leaderboard([run(tmp_path, "a", {"lmd": values}), run(tmp_path, "b", {"lmd": values + 0.2})])
    assert [row.rank for row in board.rows] == [1, 2]
    assert board.column("lmd").letters == {"a": "a", "b": "b"}


def test_infinite_scores_are_ranked_but_not_tested(tmp_path: Path) -> None:
    finite = np.linspace(30, 40, len(CLIPS))
    perfect = np.where(np.arange(len(CLIPS)) == 2, math.inf, finite)
    board = leaderboard(
        [run(tmp_path, name, {"psnr/whole": values}) for name, values in {"a": perfect, "b": finite}.items()]
    )
    assert [row.generator for row in board.rows] == ["a", "b"]
    assert math.isnan(board.column("psnr/whole").interval(board.rows[0].generator)[0])
    assert board.column("psnr/whole").letters == {}
    assert not board.tested
    json.dumps(json_record.record(board), allow_nan=False)


def test_anchors_are_shown_and_never_compared(runs: list[Path]) -> None:
    board = leaderboard(runs[:2], anchors=runs[2:])
    assert [(row.generator, row.rank) for row in board.anchors] == [("poor", None)]
    assert "poor" not in board.column("ssim/mouth").letters
    assert board.column("ssim/mouth").interval(board.anchors[0].generator)[0] > 0
    content = json_record.record(board)
    assert [row["generator"] for row in content["anchors"]] == ["poor"]
    assert "anchor" in markdown.to_markdown(board)


def test_json_keeps_its_schema(tmp_path: Path, runs: list[Path]) -> None:
    schema = json.loads(files("lsbench.report").joinpath("leaderboard.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    quote = tmp_path / "paper.toml"
    quote.write_text('source = "a paper"\n[[rows]]\ngenerator = "LipGAN"\nscores = { "ssim/whole" = 0.9 }\n')
    infinite = run(tmp_path, "perfect", {"psnr/whole": np.full(len(CLIPS), math.inf)})
    for board in (
        leaderboard([*runs, infinite], quotes=[read_quotes(quote)], difference=0.01),
        leaderboard(runs[:2], anchors=runs[2:]),
        leaderboard(runs[:1]),
    ):
        jsonschema.validate(json.loads(json_record.to_json(board)), schema, jsonschema.Draft202012Validator)
    broken = json.loads(json_record.to_json(leaderboard(runs)))
    broken["rows"][0]["scores"]["lmd"]["better"] = "faster"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_latex_escapes_names_marks_the_best_and_has_equal_rows(runs: list[Path]) -> None:
    board = leaderboard(runs)
    written = latex.to_latex(board)
    assert r"twin\_\$\&" in written
    lines = written.splitlines()
    cells = [line.replace(r"\&", "").count("&") for line in lines if line.endswith(r"\\")]
    assert cells == [3, 4, 4, 4, 4]  # ssim spans whole and mouth in the first
    best = next(line for line in lines if line.startswith("1 &"))
    assert best.count(r"\textbf") == list(board.rows[0].ranks.values()).count(1) < 3
    assert r"\textsuperscript{a}" in best
    assert [line for line in lines if line in (r"\toprule", r"\midrule", r"\bottomrule")] == [
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
    ]
    assert latex.escape("a_b%c\\{~}^") == r"a\_b\%c\textbackslash{}\{\textasciitilde{}\}\textasciicircum{}"


def test_intervals_are_shown_to_the_decimals_of_the_value(runs: list[Path]) -> None:
    assert half(0.9123, 0.01119) == "0.0112"
    assert half(37.0, 0.5) == "0.50"
    assert half(1e-9, 2.345e-10) == "2.3e-10"
    board = leaderboard(runs)
    cell = markdown.cell(board, next(row for row in board.rows if row.generator == "poor"), "ssim/mouth")
    value, spread, letters, rank, moved = cell.split()
    assert (letters, rank, moved) == ("b", "(3)", "▼2")
    assert len(value) == len(spread) - 1


def test_versions_that_only_round_are_said_and_others_refused(tmp_path: Path, runs: list[Path]) -> None:
    values = {"ssim/mouth": np.linspace(0.5, 0.6, len(CLIPS))}
    other = run(tmp_path, "older", values, versions=VERSIONS | {"numpy": "1.26", "piq": "0.7"})
    board = leaderboard([*runs, other])
    assert "version of numpy differs (2.0: good, poor, twin_$&; 1.26: older)" in said(board)
    assert "version of piq differs" in said(board)  # nobody measured with it
    measured = {"fsim/mouth": "fsim.1"}
    one, two = (
        run(tmp_path, name, {}, metrics=measured, versions=VERSIONS | {"piq": piq})
        for name, piq in (("p", "0.7"), ("q", "0.8"))
    )
    assert [str(field) for field in compare(one, two).fields] == ["version of piq is 0.7 in the one, 0.8 in the other"]
    assert not compare(one, two).comparable


def test_what_is_best_at_zero_is_ranked_by_its_distance_from_zero(tmp_path: Path) -> None:
    """-3 frames is early, not better than 0: ranks, letters, differences, agreement and clips go by the distance."""
    random = np.random.default_rng(4)
    offsets = {"in time": 0.2, "early": -3.0, "late": 1.5, "as early": -1.5}
    paths = []
    for name, offset in offsets.items():
        found = offset + 0.4 * random.standard_normal(len(CLIPS))
        paths.append(run(tmp_path, name, {"av_offset": found, "lmd": np.abs(offset) + random.random(len(CLIPS))}))
    board = leaderboard(paths, "av_offset")
    ranks = {row.generator: row.rank for row in board.rows}
    assert (ranks["in time"], ranks["early"]) == (1, 4)
    letters = board.column("av_offset").letters
    assert letters["in time"] == "a" and letters["late"] == letters["as early"] == "b" and letters["early"] == "c"
    (pair,) = board.significance.pairs("av_offset", [("early", "late")])
    assert 1 < pair.low < pair.difference < pair.high < 2 and pair.significant
    agreement = board.significance.agreement("av_offset", "lmd")
    assert agreement.tau >= 2 / 3 and agreement.high == 1
    early = next(row for row in board.rows if row.generator == "early")
    low, high = board.column("av_offset").interval(early.generator)
    assert -3.5 < low < early.result["av_offset"] < high < -2.5
    assert board.column("av_offset").heading == "av_offset →0" and markdown.cell(board, early, "av_offset")[0] == "-"
    assert r"$\to 0$" in latex.to_latex(board)
    score = compare(paths[0], paths[1]).score("av_offset")
    assert score is not None
    losses = [abs(clip.second) - abs(clip.first) for clip in score.clips]
    assert losses == sorted(losses, reverse=True)
    old = {"in time": "lower"}  # scored before it was known that 0 is best
    for path in paths[:1]:
        content = json.loads((path / "result.json").read_text())
        content["scores"]["av_offset"]["better"] = old[path.name]
        (path / "result.json").write_text(json.dumps(content))
    assert {row.generator: row.rank for row in leaderboard(paths, "av_offset").rows} == ranks
    content = json_record.record(board)
    assert content["rows"][0]["scores"]["av_offset"]["better"] == "zero"


def test_what_has_no_direction_is_shown_and_never_ranked(tmp_path: Path) -> None:
    """Neither more nor less of it is better: values and intervals, but no ranks, letters, tests nor agreement."""
    random, key = np.random.default_rng(4), "head_motion:real=none"
    turned = {"still": 0.5, "as real": 4.0, "wild": 20.0}
    paths = [
        run(tmp_path, name, {key: speed + random.random(len(CLIPS)), "lmd": speed + random.random(len(CLIPS))})
        for name, speed in turned.items()
    ]
    board = leaderboard(paths)
    assert board.rank_by == "lmd"
    assert [row.rank for row in board.rows] == [1, 2, 3]
    column = board.column(key)
    assert (column.ranks, column.letters, column.heading) == ({}, {}, key)
    low, high = column.interval("as real")
    assert low < column.scores["as real"].value < high
    assert math.isnan(board.significance.agreement(key, "lmd").tau)
    assert latex.escape(key) in latex.to_latex(board)
    scores = json_record.record(board)["rows"][0]["scores"]
    assert (scores[key]["better"], scores["lmd"]["better"]) == ("none", "lower")
    with pytest.raises(ComparisonError, match=f"score {key}: neither more nor less of it is better; rank by another"):
        leaderboard(paths, key)
    score = compare(paths[0], paths[1]).score(key)
    assert score is not None
    assert math.isnan(score.pair.p)


def test_quotes_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "quote.toml"
    for content, message in {
        "source = 3": "expected source",
        'source = "x"\nrows = []': "expected source",
        'source = "x"\n[[rows]]\ngenerator = "a"\nscores = {fid = "12"}': "score fid is '12'; expected a number",
        'source = "x"\n[[rows]]\ngenerator = "a"\nscores = {fid = nan}': "expected a number",
        'source = "x"\n[[rows]]\ngenerator = "a"\nscore = {fid = 12}': "row 1: expected source",
        'source = "x': "not readable",
    }.items():
        path.write_text(content)
        with pytest.raises(ComparisonError, match=message):
            read_quotes(path)
    with pytest.raises(ComparisonError, match="not readable"):
        read_quotes(tmp_path / "none.toml")


def test_quotes_stand_below_the_board_as_not_comparable(tmp_path: Path, runs: list[Path]) -> None:
    path = tmp_path / "quote.toml"
    path.write_text('source = "A paper"\n[[rows]]\ngenerator = "Lip|GAN"\nscores = { fid = 12.5, lmd = 1.0 }\n')
    for style in ("table", "markdown", "latex"):
        done = CliRunner().invoke(main, ["leaderboard", *map(str, runs), "--quote", str(path), "--format", style])
        assert done.exit_code == 0, done.output
        board, _, below = done.output.partition("not comparable")
        assert "12.50" in below
        assert "12.50" not in board


def test_compare_lists_the_worst_clips_first(runs: list[Path]) -> None:
    found = compare(runs[0], runs[2])
    mouth = found.score()
    assert mouth is not None
    assert (mouth.key, mouth.pair.significant) == ("ssim/mouth", True)
    assert mouth.pair.difference == pytest.approx(mouth.second - mouth.first)
    losses = [clip.difference for clip in mouth.clips]
    assert losses == sorted(losses)
    lmd = found.score("lmd")
    assert lmd is not None
    assert [clip.difference for clip in lmd.clips] == sorted((clip.difference for clip in lmd.clips), reverse=True)
    with pytest.raises(ComparisonError, match="did you mean lmd"):
        found.score("lmdd")
    done = CliRunner().invoke(main, ["compare", str(runs[0]), str(runs[2]), "--clips", "2", "--by", "lmd"])
    assert done.exit_code == 0, done.output
    assert lmd.clips[1].clip in done.output
    assert lmd.clips[2].clip not in done.output
    content = json.loads(CliRunner().invoke(main, ["compare", str(runs[0]), str(runs[2]), "--format", "json"]).output)
    assert len(content["scores"]["lmd"]["clips"]) == len(CLIPS)
    assert content["comparable"] is True


def test_compare_tests_nothing_across_conditions(tmp_path: Path, runs: list[Path]) -> None:
    values = {"ssim/mouth": np.linspace(0.5, 0.6, len(CLIPS))}
    other = run(tmp_path, "good", values, folder="elsewhere", versions=VERSIONS | {"av": "14.0"})
    found = compare(runs[0], other)
    assert {found.first.name, found.second.name} == {str(runs[0]), str(other)}  # one name, two runs
    assert not found.comparable
    assert math.isnan(found.scores[0].pair.p)
    assert found.scores[0].clips
    elsewhere = run(tmp_path, "clips", values, protocol=PROTOCOL | {"digest": "e" * 64, "manifest_sha256": "n" * 64})
    assert compare(runs[0], elsewhere).withheld == "the runs were scored on other clips"
    assert not compare(runs[0], elsewhere).scores
    with pytest.raises(ComparisonError, match="same run"):
        compare(runs[0], runs[0])


def test_runs_without_influence_are_ranked_without_intervals(runs: list[Path]) -> None:
    import pandas

    for path in runs:
        table = pandas.read_parquet(path / "clips.parquet").drop(columns="influence")
        table.to_parquet(path / "clips.parquet")
    board = leaderboard(runs)
    assert [row.rank for row in board.rows] == [1, 2, 3]
    assert math.isnan(board.column("lmd").interval(board.rows[0].generator)[0])
    assert "no intervals" in said(board)
    (agreement,) = board.whole_against_mouth()
    assert agreement.tau == -1 and math.isnan(agreement.low) and math.isnan(agreement.high)
    assert "(Kendall's tau -1.00)" in said(board)
    (runs[0] / "clips.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunError, match="score the run again"):
        leaderboard(runs)


def test_an_unknown_influence_of_one_score_leaves_the_others_their_intervals(runs: list[Path]) -> None:
    import pandas

    table = pandas.read_parquet(runs[1] / "clips.parquet")
    table.loc[table["metric"] == "lmd", "influence"] = math.nan
    table.to_parquet(runs[1] / "clips.parquet")
    known, board = leaderboard([runs[0], runs[2]]), leaderboard(runs)
    place = board.keys.index("lmd")
    for limits, taus in zip(board.significance.tau_limits, known.significance.tau_limits, strict=True):
        assert np.isnan(limits[place]).all() and np.isnan(limits[:, place]).all()
        others = np.arange(len(limits)) != place
        assert np.isfinite(limits[np.ix_(others, others)]).all() and np.isfinite(taus).all()


def test_an_infinite_score_gives_no_interval_of_agreement(tmp_path: Path) -> None:
    """How far clips would move it is not known."""
    finite = np.linspace(30, 40, len(CLIPS))
    perfect = np.where(np.arange(len(CLIPS)) == 2, math.inf, finite)
    paths = [
        run(tmp_path, "a", {"psnr/whole": perfect, "psnr/mouth": finite}),
        run(tmp_path, "b", {"psnr/whole": finite, "psnr/mouth": finite + 1}),
    ]
    board = leaderboard(paths, "psnr/whole")
    (agreement,) = board.whole_against_mouth()
    assert agreement.tau == -1 and math.isnan(agreement.low)


def test_summary_is_of_frames(tmp_path: Path) -> None:
    from lsbench.metrics.psnr import PSNR

    metric = PSNR()
    path = run(tmp_path, "a<b>", {"psnr/whole": np.full(len(CLIPS), 30.0)}, metrics={"psnr/whole": metric.signature})
    content = json.loads((path / "result.json").read_text())
    content["scores"]["psnr/whole"]["signature"] = metric.signature
    (path / "result.json").write_text(json.dumps(content))
    errors = np.array([0, 1, 4, 100]) * 48.0  # squared errors of 4 x 4 x 3 values
    for clip in CLIPS:
        stats = Stats(squared_error=errors, samples=np.full(4, 48))
        Run(path).write_partial(Partial(clip, "g", "r", 4, 4, 0, {"psnr/whole": stats}))
    done = CliRunner().invoke(
        main, ["leaderboard", str(path), "--summary", "--format", "json", "--out", str(tmp_path / "f")]
    )
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)
    assert row["frames"] == 4 * len(CLIPS)
    assert (row["max"], row["mean"]) == ("inf", "inf")
    assert row["min"] == pytest.approx(10 * math.log10(255**2 / 100))
    assert row["median"] == pytest.approx((10 * math.log10(255**2) + 10 * math.log10(255**2 / 4)) / 2)
    assert {path.name for path in (tmp_path / "f").iterdir()} == {"psnr-whole.svg", "psnr-whole.png"}
    assert "a<b>" not in (tmp_path / "f/psnr-whole.svg").read_text()
    assert CliRunner().invoke(main, ["leaderboard", str(path), "--out", "x"]).exit_code == 2
    shutil.copytree(path, anchors.folder(path) / "compressed")
    content = json.loads((path / "result.json").read_text()) | {"name": "compressed"}
    (anchors.folder(path) / "compressed/result.json").write_text(json.dumps(content))
    done = CliRunner().invoke(main, ["leaderboard", str(path), "--summary", "--format", "json"])
    assert [line["generator"] for line in json.loads(done.stdout)] == ["a<b>", "compressed"]


def test_a_pipe_is_as_wide_as_its_table(runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Test runners and editors set COLUMNS; scripts read what is piped."""
    plain = CliRunner().invoke(main, ["leaderboard", *map(str, runs)]).output
    monkeypatch.setenv("COLUMNS", "40")
    assert CliRunner().invoke(main, ["leaderboard", *map(str, runs)]).output == plain
    assert max(map(len, plain.splitlines())) > 80


@pytest.mark.parametrize("width", [60, 80, 160])
def test_tables_fit_with_and_without_colour(runs: list[Path], width: int) -> None:
    from lsbench.report.text import terminal

    shown = []
    for colour in (False, True):
        out = io.StringIO()
        terminal.show_board(
            leaderboard(runs), Console(file=out, width=width, force_terminal=colour, no_color=not colour)
        )
        assert ("\x1b[" in out.getvalue()) == colour
        shown.append(Text.from_ansi(out.getvalue()).plain.rstrip())
    assert shown[0] == shown[1]
    assert max(map(len, shown[0].splitlines())) <= width
    assert "±" in shown[0]


def test_the_quickstarts_board_fits_80_columns(tmp_path: Path) -> None:
    """Each metric of the toy protocol in a table, whole beside mouth, with intervals, letters and ranks."""
    from lsbench.protocol import protocol
    from lsbench.report.text import terminal

    rules, random = protocol.load("toy"), np.random.default_rng(0)
    metrics = catalogue.metrics(rules.metrics, rules.regions)
    typical = {"psnr": 30.0, "ssim": 0.8, "lpips": 0.000314, "fid": 431.0, "seam": 7.3}
    paths = []
    for place, name in enumerate(STANDINS):
        values = {}
        for metric in metrics:
            step = place if metric.key.endswith("/whole") else (place * 4) % 6
            spread = random.normal(0, 0.005, len(CLIPS))
            values[metric.key] = typical[metric.name] * (1 + 0.1 * step + spread)
        better = {metric.key.rpartition("/")[0] or metric.key: metric.better for metric in metrics}
        paths.append(run(tmp_path, name, values, better=better))
    out = io.StringIO()
    terminal.show_board(leaderboard(paths), Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in out.getvalue()
    heads = [
        " ".join(line.replace("┃", " ").split()) for line in lines if line.startswith("┃") and re.search("[↑↓]", line)
    ]
    assert len(heads) == len(rules.metrics)
    assert all(("whole" in head) == ("mouth" in head) for head in heads)
    assert sum("whole" in head for head in heads) == 4
    rows = [line for line in lines if "blurred-mouth │" in line]
    assert len(rows) == len(rules.metrics)
    assert all(re.search(r"±\S+ [a-f]+ \(\d\)( [▼▲]\d)?│?", row) for row in rows)


def test_the_toy_protocol_has_the_headline_numbers_on_both_regions() -> None:
    from lsbench.protocol import protocol

    rules = protocol.load("toy")
    keys = {(metric.name, metric.region) for metric in catalogue.metrics(rules.metrics, rules.regions)}
    assert {(name, region) for name in ("fid", "lpips") for region in (Region.WHOLE, Region.MOUTH)} <= keys
