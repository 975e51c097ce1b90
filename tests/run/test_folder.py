"""Run folders: whole or absent, resumed by the same request only."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsbench.errors import MetricError, OutputError, RunError
from lsbench.metrics._base.stats import Stats
from lsbench.protocol.protocol import LATER_RULES, RULES, Protocol
from lsbench.run.folder import FORMAT, TABLE, Run
from lsbench.run.result import Partial, Result, Score
from lsbench.system.strict_json import decode, encode

REQUEST: dict[str, Any] = {
    "format": FORMAT,
    "name": "run",
    "protocol": {"digest": "d", "clips": 3},
    "metrics": {"psnr/whole": "psnr.1"},
    "weights": {},
    "versions": {},
}


def partial(clip_id: str = "s1/ä b") -> Partial:
    shared = np.arange(6, dtype=np.float32).reshape(3, 2)
    stats = {
        "psnr/whole": Stats(value=np.array([1.0, np.inf, np.nan])),
        "fid/mouth": Stats(reference=shared, generated=shared + 1),
        "kid/mouth": Stats(reference=shared),
    }
    return Partial(clip_id, "a" * 64, "b" * 64, 3, 4, -2, stats)


def test_a_partial_survives_the_disk(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write_partial(partial())
    again = run.read_partial("s1/ä b")
    assert again is not None
    assert (again.generated_sha256, again.frames, again.lag_frames) == ("a" * 64, 3, -2)
    for key, stats in partial().stats.items():
        for column, values in stats.items():
            assert again.stats[key][column].dtype == values.dtype
            assert np.array_equal(again.stats[key][column], values, equal_nan=True)
    only = run.read_partial("s1/ä b", ["kid/mouth"])
    assert only is not None
    assert list(only.stats) == ["kid/mouth"]


def test_shared_columns_are_stored_once(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write_partial(partial())
    with np.load(tmp_path / "clips/s1/ä b.npz") as data:
        assert len(data.files) == 4  # three arrays and the head


def test_a_damaged_partial_counts_as_none(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write_partial(partial("a"))
    path = tmp_path / "clips/a.npz"
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert run.read_partial("a") is None
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        run.read_partial("a")  # whatever it gives, it does not raise
    path.write_bytes(whole)
    (tmp_path / "clips/b.npz").write_bytes(whole)
    assert run.read_partial("b") is None  # another clip's part under this name
    assert run.read_partial("a", ["ssim/whole"]) is None


def test_a_run_goes_on_only_with_the_same_request(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.open(REQUEST)
    run.open(REQUEST | {"protocol": {"digest": "e"}})  # nothing is finished yet
    run.open(REQUEST)
    run.write_partial(partial())
    run.open(REQUEST)
    with pytest.raises(RunError, match=r"protocol\.digest d, now asked with e.*--name"):
        run.open(REQUEST | {"protocol": {"digest": "e"}})
    with pytest.raises(RunError, match=r"protocol\.align strict, now asked with trim"):
        before = REQUEST | {"protocol": {"digest": "d", "align": "strict"}}
        Run(tmp_path / "other").open(before)
        Run(tmp_path / "other").write_partial(partial())
        Run(tmp_path / "other").open(before | {"protocol": {"digest": "e", "align": "trim"}})
    with pytest.raises(RunError, match=r"metrics\.psnr/whole psnr\.1, now asked with psnr\.2"):
        run.open(REQUEST | {"metrics": {"psnr/whole": "psnr.2"}})
    run.open(REQUEST | {"metrics": {"psnr/whole": "psnr.1", "ssim/whole": "ssim.1"}})
    assert list(run.request()["metrics"]) == ["psnr/whole", "ssim/whole"]


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(OutputError, match=r"is not of lsbench score: thesis\.tex stands there"):
        Run(tmp_path).open(REQUEST)
    with pytest.raises(OutputError, match="expected a folder"):
        Run(tmp_path / "thesis.tex").open(REQUEST)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def result(path: Path) -> Result:
    scores = {
        "psnr/whole": Score(math.inf, "higher", "psnr.1", 75, "infinite"),
        "ssim/mouth": Score(0.1 + 0.2, "higher", "ssim.1", 75),
        "lmd": Score(math.nan, "lower", "lmd.1", 75, "no face"),
    }
    failed, protocol = {"s1/b": "no video"}, {"name": "folder", "version": "1", "digest": "d", "clips": 2}
    return Result("run", path, protocol, scores, 1, 2, failed, ("x.mp4",), {"fid/mouth": "no weights"}, {"s1/a": 3})


def test_a_result_survives_the_disk_bit_for_bit(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.open(REQUEST)
    rows = [{"clip_id": "s1/a", "speaker": "s1", "metric": "lmd", "region": "", "value": math.nan, "frames": 75}]
    run.finish(result(tmp_path), rows)
    again = run.result()
    assert again["psnr/whole"] == math.inf
    assert again["ssim/mouth"] == 0.1 + 0.2
    assert math.isnan(again["lmd"])
    assert not again.complete
    assert (again.failed, again.extra, again.unavailable, again.lag_frames) == (
        {"s1/b": "no video"},
        ("x.mp4",),
        {"fid/mouth": "no weights"},
        {"s1/a": 3},
    )
    strict = json.loads((tmp_path / "result.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert strict["scores"]["psnr/whole"]["value"] == "inf"
    assert strict["scores"]["lmd"]["value"] is None


def test_every_field_of_a_score_and_every_rule_of_a_protocol_survive_the_disk(tmp_path: Path) -> None:
    rules = Protocol("p", "1", fps=25, frames=75, fit="pad", rate="resample", face="left", faceless=0.1, segment_s=5)
    known = {"name": "p", "version": "1", "digest": "d", "clips": 1, "manifest_sha256": "m", "rank_by": "psnr"}
    facts = {**known, **{name: getattr(rules, name) for name in (*RULES, *LATER_RULES)}, "fit_method": "x"}
    score = Score(0.5, "higher", "s.1", 75, "note", {"of": [1, {"a": 0.5}]}, 0.25, 0.75)
    assert all(getattr(score, each.name) is not None for each in fields(Score))
    run = Run(tmp_path)
    run.open(REQUEST | {"protocol": facts})
    whole = Result("run", tmp_path, facts, {"psnr": score}, 1, 1)
    run.finish(whole, {column: [] for column in TABLE})
    assert run.result() == replace(whole, kept=run)


def test_what_is_no_finished_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        Run(tmp_path).result()
    Run(tmp_path / "run").open(REQUEST)
    assert not Run(tmp_path / "run").result().complete
    (tmp_path / "run/result.json").write_text("{")
    with pytest.raises(RunError, match="not readable"):
        Run(tmp_path / "run").result()
    (tmp_path / "run/result.json").write_text('{"format": 1}')
    with pytest.raises(RunError, match="not a result"):
        Run(tmp_path / "run").result()


@pytest.mark.parametrize("value", [0.1, -1e-300, math.inf, -math.inf])
def test_floats_survive_json(value: float) -> None:
    assert decode(json.loads(json.dumps(encode(value)))) == value
    assert math.isnan(decode(encode(math.nan)))


def test_statistics_join_in_order() -> None:
    a, b, c = (Stats(x=np.array([float(i)]), y=np.ones((1, 2))) for i in range(3))
    assert ((a + b) + c)["x"].tolist() == (a + (b + c))["x"].tolist() == Stats.join([a, b, c])["x"].tolist()
    assert (a + b).rows == 2
    with pytest.raises(MetricError, match="same number of rows"):
        Stats(x=np.zeros(1), y=np.zeros(2))
    with pytest.raises(MetricError, match="different metrics"):
        a + Stats(x=np.zeros(1))
