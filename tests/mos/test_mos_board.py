"""What people said on the board and in the report: columns in every format, refusals, and which metric agrees."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from boards import PROTOCOL, run
from click.testing import CliRunner
from page_runs import EVIL, make_runs
from raters import World, make_key, panel_of
from rich.console import Console

from lsbench.board.board import Board
from lsbench.board.people import StudyResult, write_study_result
from lsbench.board.rank import leaderboard
from lsbench.cli.main import main
from lsbench.errors import ComparisonError
from lsbench.mos.key import REFERENCE, write_key
from lsbench.mos.read.read_study import read_study
from lsbench.report.page.write import write_report
from lsbench.report.text import json_record, latex, markdown, terminal
from lsbench.run.folder import Run

TRUE = {REFERENCE: 4.5, "blur": 2.0, "noise": 3.9, "<script>": 3.8}


def study(names: tuple[str, ...], true: dict[str, float], **changes: Any) -> StudyResult:
    """What fifteen simulated raters said of these generators."""
    key = make_key(names, clips=10, protocol={"name": "folder", "digest": PROTOCOL["digest"]}, **changes)
    random = np.random.default_rng(1)
    return read_study(World(key, random, dict(true)).ratings(panel_of(15, random)), key)


@pytest.fixture(scope="module")
def opinions() -> StudyResult:
    return study(("blur", "noise", "<script>"), TRUE)


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Three runs that people rated, and one that they did not."""
    return [
        run(tmp_path, "blur", {"psnr/whole": 38.0, "psnr/mouth": 24.0, "ssim/mouth": 0.9}),
        run(tmp_path, "noise", {"psnr/whole": 33.0, "psnr/mouth": 33.0, "ssim/mouth": 0.8}),
        run(tmp_path, "<script>", {"psnr/whole": 35.0, "psnr/mouth": 30.0, "ssim/mouth": 0.7}),
        run(tmp_path, "unseen", {"psnr/whole": 36.0, "psnr/mouth": 31.0, "ssim/mouth": 0.6}),
    ]


def test_scores_by_people_stand_first_and_rank_nothing_unasked(runs: list[Path], opinions: StudyResult) -> None:
    board = leaderboard(runs, study=opinions)
    assert board.rank_by == "ssim/mouth" and board.rows[0].generator == "blur"
    assert markdown.columns(board)[:3] == ["mos/sync", "mos/mouth", "mos/overall"]
    unseen = next(row for row in board.rows if row.generator == "unseen")
    assert markdown.cell(board, unseen, "mos/overall") == "-"
    only_whole = [run(path.parent / "w", path.name, {"psnr/whole": 1.0}) for path in runs[:2]]
    assert leaderboard(only_whole, study=opinions).rank_by == "psnr/whole"


def test_the_board_may_be_ranked_by_people(runs: list[Path], opinions: StudyResult) -> None:
    board = leaderboard(runs, "mos/overall", study=opinions)
    names = [row.generator for row in board.rows]
    assert names[2:] == ["blur", "unseen"] and set(names[:2]) == {"noise", "<script>"}
    assert [row.rank for row in board.rows] == [1, 2, 3, None]
    question = opinions.question("mos/overall")
    for row in board.rows[:3]:
        said = question.score(row.generator)
        assert said is not None and board.column("mos/overall").interval(row.generator) == (said.low, said.high)
    letters = board.column("mos/overall").letters
    assert not set(letters["blur"]) & set(letters["noise"])
    first, second = board.neighbours()
    assert second.other == "blur" and second.significant and second.low < second.difference < second.high
    held = next(pair for pair in question.pairs if {pair.one, pair.other} == {first.one, first.other})
    assert (first.p, abs(first.difference)) == (held.p, abs(held.difference))


def test_a_pair_reads_alike_from_either_side(runs: list[Path], opinions: StudyResult) -> None:
    board = leaderboard(runs, "mos/overall", study=opinions)
    one, other = (board.column().pairs([names])[0] for names in (("noise", "blur"), ("blur", "noise")))
    assert (one.difference, one.low, one.high, one.p) == (-other.difference, -other.high, -other.low, other.p)


@pytest.mark.parametrize("rank_by", [None, "mos/overall"])
@pytest.mark.parametrize("method", ["acr", "pairs"])
def test_every_format_shows_them(runs: list[Path], method: str, rank_by: str | None) -> None:
    board = leaderboard(runs, rank_by, study=study(("blur", "noise", "<script>"), TRUE, method=method))
    rows = list(csv.DictReader(io.StringIO(markdown.to_csv(board))))
    mine = {row["generator"]: row for row in rows}
    assert (
        float(mine["blur"]["low mos/overall"])
        < float(mine["blur"]["mos/overall"])
        < float(mine["blur"]["high mos/overall"])
    )
    assert mine["blur"]["rank mos/overall"] == "3" and mine["unseen"]["mos/overall"] == ""
    out = io.StringIO()
    terminal.show_board(board, Console(file=out, width=160))
    written = [out.getvalue(), markdown.to_markdown(board), latex.to_latex(board)]
    value = f"{float(mine['blur']['mos/overall']):.2f}"
    for page in written:
        assert value in page and "overall" in page
    for page in written[:2]:
        assert "15 of 15 raters of study 0123456789abcdef" in page.replace("\n", " ")
    assert r"\multicolumn{3}{c}{mos}" in written[2]


def test_json_follows_its_schema_and_the_contract(runs: list[Path], opinions: StudyResult) -> None:
    schema = json.loads((files("lsbench.report") / "leaderboard.schema.json").read_text(encoding="utf-8"))
    for shown in (opinions, None):
        content = json.loads(json_record.to_json(leaderboard(runs, study=shown)))
        jsonschema.validate(content, schema)
        assert (content["opinions"] is None) == (shown is None)
    content = json.loads(json_record.to_json(leaderboard(runs, "mos/sync", study=opinions)))
    jsonschema.validate(content, schema)
    score = content["rows"][0]["scores"]["mos/sync"]
    assert score["better"] == "higher" and score["rank"] == 1 and score["low"] < score["value"] < score["high"]
    assert "mos/sync" not in content["rows"][-1]["scores"]


def test_a_study_of_another_protocol_or_of_other_generators_is_refused(runs: list[Path], opinions: StudyResult) -> None:
    other = replace(opinions, protocol={"name": "else", "digest": "f" * 64})
    with pytest.raises(ComparisonError, match="study 0123456789abcdef is of protocol else"):
        leaderboard(runs, study=other)
    with pytest.raises(ComparisonError, match="none of them is among the runs unseen"):
        leaderboard(runs[3:], study=opinions)


def test_a_board_without_people_is_as_it_was(runs: list[Path]) -> None:
    board: Board = leaderboard(runs)
    assert board.metric_keys == board.keys and "mos" not in markdown.to_csv(board)
    with pytest.raises(ComparisonError, match="unknown score 'mos/overall'"):
        leaderboard(runs, "mos/overall")


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path, Path]:
    """Two runs with videos, the key of a study of them, and its files of ratings' folder."""
    folder = tmp_path_factory.mktemp("rated")
    paths = make_runs(folder)
    protocol = Run(paths[0]).request()["protocol"]
    clips = list(dict.fromkeys(Run(paths[0]).table()["clip_id"]))
    named = {"blurred-mouth": paths[0], EVIL: paths[1]}
    key = make_key(tuple(named), clips=clips, paths=named, protocol={k: protocol[k] for k in ("name", "digest")})
    write_key(folder / "key.json", key)
    world = World(key, np.random.default_rng(0), {REFERENCE: 4.5, "blurred-mouth": 2.0, EVIL: 3.5})
    world.files(folder / "ratings", panel_of(8, np.random.default_rng(0)))
    return paths, folder / "key.json", folder / "ratings"


@pytest.mark.slow
def test_from_ratings_to_the_report(rated: tuple[list[Path], Path, Path], tmp_path: Path) -> None:
    paths, key, ratings = rated
    out = tmp_path / "mos.json"
    read = ["mos", "read", *map(str, sorted(ratings.glob("*.csv"))), "--key", str(key), "--out", str(out)]
    done = CliRunner().invoke(main, read)
    assert done.exit_code == 0 and "not compared" not in done.stderr, done.output
    assert "Which metric agrees with people, overall" in done.stdout and "psnr/mouth" in done.stdout
    board = ["leaderboard", *map(str, paths), "--mos", str(out), "--rank-by", "mos/overall", "--format", "json"]
    content = json.loads(CliRunner().invoke(main, board).stdout)
    assert [row["generator"] for row in content["rows"]] == [EVIL, "blurred-mouth"]
    assert {metric["key"] for metric in content["opinions"]["questions"][2]["metrics"]} >= {"psnr/whole", "ssim/mouth"}
    page = tmp_path / "page"
    done = CliRunner().invoke(main, ["report", *map(str, paths), "--mos", str(out), "--out", str(page), "--no-videos"])
    assert done.exit_code == 0, done.output
    index = (page / "index.html").read_text()
    assert "Which metric agrees with people" in index and EVIL not in index
    assert 'data-metric="mos" data-region=""' in index and 'href="#people"' in index
    values = (page / "data/g0/run.js").read_text()
    assert '"mos/overall"' in values
    assert index.index("overall: How good") < index.index("sync: How good")
    assert "no curve of mos" not in (page / "data/g0/c0.js").read_text()


def test_a_report_without_ratings_has_no_such_section(rated: tuple[list[Path], Path, Path], tmp_path: Path) -> None:
    index = write_report(leaderboard(rated[0]), tmp_path / "out", videos=False).read_text()
    assert 'id="people"' not in index and "mos/" not in index


def test_a_single_run_is_not_compared_and_says_so(rated: tuple[list[Path], Path, Path]) -> None:
    paths, key, ratings = rated
    read = ["mos", "read", *map(str, sorted(ratings.glob("*.csv"))), "--key", str(key), "--run", str(paths[0])]
    done = CliRunner().invoke(main, read)
    assert done.exit_code == 0 and "that takes two complete runs" in done.stdout
    assert f"metrics are not compared on {EVIL}" in done.stdout


def test_runs_of_another_study_are_refused(
    rated: tuple[list[Path], Path, Path], runs: list[Path], tmp_path: Path
) -> None:
    _, key, ratings = rated
    read = ["mos", "read", *map(str, sorted(ratings.glob("*.csv"))), "--key", str(key), "--run", str(runs[0])]
    done = CliRunner().invoke(main, read)
    assert done.exit_code == 1 and "is of another protocol" in done.stderr


def test_a_file_that_is_none_is_named(runs: list[Path], tmp_path: Path, opinions: StudyResult) -> None:
    write_study_result(tmp_path / "mos.json", opinions)
    (tmp_path / "bad.json").write_text((tmp_path / "mos.json").read_text()[:-9])
    done = CliRunner().invoke(main, ["leaderboard", str(runs[0]), "--mos", str(tmp_path / "bad.json")])
    assert done.exit_code == 1 and "bad.json: not readable" in done.stderr and "Traceback" not in done.stderr
