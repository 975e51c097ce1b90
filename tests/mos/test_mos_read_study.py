"""Raters screened, true scores recovered, and metrics held against people: by simulated studies of known truth."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from raters import PROTOCOL, SCALE, TRUE, Rater, World, make_key, panel_of
from scipy.stats import kendalltau, pearsonr, spearmanr

from lsbench.board.clip_values import ClipValues
from lsbench.board.people import StudyResult, read_study_result, to_json, write_study_result
from lsbench.cli.main import main
from lsbench.errors import StudyError
from lsbench.mos.key import REFERENCE, StudyKey, write_key
from lsbench.mos.read.answers import acr_answers, answers_of, pairs_answers
from lsbench.mos.read.metric_agreement import accuracy_of, against_people, within
from lsbench.mos.read.question_scores import question_scores
from lsbench.mos.read.read_study import read_study
from lsbench.mos.read.screening.check import RaterCheck
from lsbench.mos.read.screening.screen_raters import screen_raters

CLOSE = {REFERENCE: 3.4, "good": 3.3, "fair": 3.2, "poor": 3.1}
METHODS = ["acr", "pairs"]


def checked(key: StudyKey, raters: Sequence[Rater], seed: int, true: dict[str, float] = TRUE) -> dict[str, RaterCheck]:
    """Every rater's check, by name."""
    found = World(key, np.random.default_rng(seed), dict(true)).ratings(raters)
    answers = answers_of(found, key)
    return {check.rater: check for check in screen_raters(found, answers, key)}


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_careless_raters_are_left_out_and_honest_ones_are_not(method: str, share: float) -> None:
    key = make_key(clips=14, method=method)
    careless = ["random", "reversed", "same" if method == "acr" else "left"]
    left: dict[str, list[bool]] = {}
    for seed in range(12):
        raters = panel_of(14, np.random.default_rng(seed))
        raters += [Rater(f"noisy{place}", noise=1.4) for place in range(2)]
        raters += [Rater(f"{care}{place}", care=care) for care in careless for place in range(2)]
        for rater in raters:
            rater.share = share
        for name, check in checked(key, raters, seed).items():
            kind = name.rstrip("0123456789")
            left.setdefault(kind, []).append(not check.kept)
            assert check.kept or all(any(letter.isdigit() for letter in reason) for reason in check.reasons)
    assert np.mean(left["r"]) == 0
    assert np.mean(left["noisy"]) <= 0.1
    for care in careless:
        assert np.mean(left[care]) >= 0.95, care


def test_honest_raters_of_generators_that_hardly_differ_stay() -> None:
    """P.910's thresholds alone would leave nearly all of them out."""
    key = make_key(clips=12)
    low, gone = [], []
    for seed in range(8):
        for check in checked(key, panel_of(15, np.random.default_rng(seed)), seed, CLOSE).values():
            gone.append(not check.kept)
            r1, r2 = check.figures["r1"], check.figures["r2"]
            assert r1 is not None and r2 is not None
            low.append(r1 < 0.75 and r2 < 0.8)
            if low[-1]:
                assert any("kept" in flag for flag in check.flags)
    assert np.mean(gone) <= 0.01 and np.mean(low) > 0.2


def test_strict_takes_the_thresholds_as_they_are() -> None:
    key = make_key(clips=12)
    found = World(key, np.random.default_rng(0), dict(CLOSE)).ratings(panel_of(15, np.random.default_rng(0)))
    loose, strict = (screen_raters(found, acr_answers(found, key), key, strict=asked) for asked in (False, True))
    assert sum(not check.kept for check in strict) > sum(not check.kept for check in loose) == 0


def test_nobody_is_left_out_on_a_handful_of_videos() -> None:
    key = make_key(("good",), clips=2, repeats=0)
    assert all(check.kept for check in checked(key, [Rater("a"), Rater("b"), Rater("c", care="random")], 0).values())


def test_headphones_are_a_flag_unless_they_are_required() -> None:
    key = make_key(clips=6)
    raters = [*panel_of(6, np.random.default_rng(0)), Rater("deaf", heard=2)]
    found = World(key, np.random.default_rng(0)).ratings(raters)
    for required in (False, True):
        deaf = screen_raters(found, acr_answers(found, key), key, require_headphones=required)[0]
        assert deaf.rater == "deaf" and deaf.kept is not required
        assert "2 of 6 checks right" in " ".join(deaf.reasons if required else deaf.flags)


def test_what_a_reader_should_know_is_flagged() -> None:
    key = make_key(clips=10)
    raters = [*panel_of(8, np.random.default_rng(0)), Rater("short", share=0.5)]
    world = World(key, np.random.default_rng(0), {REFERENCE: 2.0, "good": 3.8, "fair": 3.0, "poor": 2.2})
    found = [each for each in world.ratings(raters) if each.rater != "r03" or each.question != "sync" or each.trial > 5]
    checks = {check.rater: check for check in screen_raters(found, acr_answers(found, key), key)}
    assert any(flag.startswith("incomplete: 24 trials, the longest session has 44") for flag in checks["short"].flags)
    assert "5 trials lack an answer" in checks["r03"].flags
    assert all("the real videos got" in " ".join(check.flags) for check in checks.values())
    assert all(check.kept for check in checks.values())


def test_a_random_rater_does_not_hide_behind_repeats() -> None:
    """One who repeats as at random goes where the videos alone could not tell; one better than chance stays."""
    key = make_key(clips=12, repeats=20)
    left = []
    for seed in range(8):
        raters = [*panel_of(12, np.random.default_rng(seed)), Rater("x", care="random")]
        left.append(not checked(key, raters, seed, CLOSE)["x"].kept)
    assert np.mean(left) >= 0.85


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_true_scores_are_recovered_with_careless_raters_among_them(method: str) -> None:
    """From answers to intervals, screening included: differences to the truth of the panel, in 93 % or more."""
    key = make_key(clips=12, method=method, repeats=3)
    # What an endless honest panel would say of these generators on endless clips.
    random = np.random.default_rng(50)
    if method == "acr":
        worth = np.array(list(TRUE.values()))[:, None] + math.hypot(0.4, 0.2, 0.5, 0.7) * random.standard_normal(
            400_000
        )
        expected = np.clip(np.rint(worth), 1, 5).mean(axis=1)
    else:
        many = make_key(clips=300, method="pairs", repeats=0)
        found = World(many, random).ratings([Rater(f"m{place}") for place in range(8)])
        expected = question_scores(pairs_answers(found, many), "overall").estimate.values
        assert np.abs(expected - SCALE * (np.array(list(TRUE.values())) - np.mean(list(TRUE.values())))).max() < 0.3
    covered = []
    for seed in range(60):
        raters = panel_of(16, np.random.default_rng(seed))
        raters += [Rater("x1", care="random"), Rater("x2", care="reversed")]
        found = World(key, np.random.default_rng(1000 + seed)).ratings(raters)
        opinions = read_study(found, key)
        truth = dict(zip(key.generators, expected, strict=True))
        for score in opinions.questions[2].scores:
            covered.append(score.low <= truth[score.generator] <= score.high)
    assert np.mean(covered) >= 0.91  # 240 intervals of which those of a study go together


def test_keep_all_keeps_everyone_and_says_why_not() -> None:
    key = make_key(clips=10)
    raters = [*panel_of(8, np.random.default_rng(0)), Rater("x", care="reversed")]
    found = World(key, np.random.default_rng(0)).ratings(raters)
    kept = read_study(found, key, keep_all=True)
    report = next(rater for rater in kept.raters if rater.rater == "x")
    assert report.kept and report.reasons and kept.kept == 9
    assert read_study(found, key).kept == 8


def test_nobody_left_is_an_error() -> None:
    key = make_key(clips=6)
    found = World(key, np.random.default_rng(0)).ratings([Rater("x", care="same")])
    with pytest.raises(StudyError, match="none of the 1 raters is left; --keep-all"):
        read_study(found, key)


def clip_values_of(world: World, names: Sequence[str], **metrics: np.ndarray) -> ClipValues:
    """Clip values of runs: metrics (generators, clips), those ending in `_lower` better when lower."""
    clips = tuple(sorted({item.clip for item in world.key.items.values()}))
    values = np.stack(list(metrics.values()))
    better = tuple("lower" if name.endswith("_lower") else "higher" for name in metrics)
    speakers = tuple(clip.partition("/")[0] for clip in clips)
    return ClipValues(tuple(names), tuple(metrics), clips, speakers, values.mean(axis=2), values, values * 0, better)


def worth_of(world: World, names: Sequence[str]) -> np.ndarray:
    """The true quality (generators, clips)."""
    clips = sorted({item.clip for item in world.key.items.values()})
    held = {(item.generator, item.clip): world.quality[name] for name, item in world.key.items.items()}
    return np.array([[held[name, clip] for clip in clips] for name in names])


NAMES = ("good", "fair", "poor")


@pytest.mark.parametrize("method", METHODS)
def test_metrics_are_ranked_by_how_far_they_agree_with_people(method: str) -> None:
    key = make_key(NAMES, clips=12, method=method)
    random = np.random.default_rng(3)
    world = World(key, random)
    found = world.ratings(panel_of(14, random))
    people = question_scores(acr_answers(found, key) if method == "acr" else pairs_answers(found, key), "overall")
    worth = worth_of(world, NAMES)
    noisy = worth + 0.8 * random.standard_normal(worth.shape)
    clip_values = clip_values_of(
        world,
        NAMES,
        chance=random.standard_normal(worth.shape),
        noisy=noisy,
        exact_lower=-np.exp(worth),
        against=-worth,
    )
    metrics = against_people(clip_values, people)
    assert [metric.key for metric in metrics] == ["exact_lower", "noisy", "chance", "against"]
    assert [metric.rank for metric in metrics] == [1, 2, 3, 4]
    best, *_, worst = metrics
    assert best.within.value > 0.9 and best.accuracy.value > 0.95 and best.clip_srcc.value > 0.7
    assert worst.within.value < -0.9 and worst.accuracy.value < 0.05
    assert best.generator_srcc.value == 1 and worst.generator_srcc.value == -1
    chance = metrics[2]
    assert chance.within.low < 0 < chance.within.high and chance.accuracy.low < 0.5 < chance.accuracy.high
    assert (best.points, best.clips, best.generators) == (36, 12, 3)


def test_figures_are_scipys_on_the_opinions_of_clips() -> None:
    key = make_key(NAMES, clips=8)
    random = np.random.default_rng(4)
    world = World(key, random)
    found = world.ratings(panel_of(10, random))
    people = question_scores(acr_answers(found, key), "sync")
    value = worth_of(world, NAMES) + 0.5 * random.standard_normal((3, 8))
    opinions = people.values[[people.generators.index(name) for name in NAMES]]
    metric = against_people(clip_values_of(world, NAMES, one=value), people)[0]
    assert metric.clip_plcc.value == pytest.approx(pearsonr(value.ravel(), opinions.ravel())[0])
    assert metric.clip_srcc.value == pytest.approx(spearmanr(value.ravel(), opinions.ravel())[0])
    assert metric.clip_kendall.value == pytest.approx(kendalltau(value.ravel(), opinions.ravel())[0])
    inside = [spearmanr(value[:, clip], opinions[:, clip])[0] for clip in range(8)]
    assert metric.within.value == pytest.approx(np.mean(inside))
    assert metric.generator_plcc.value == pytest.approx(pearsonr(value.mean(axis=1), opinions.mean(axis=1))[0])
    figures = (metric.clip_plcc, metric.clip_srcc, metric.clip_kendall, metric.within, metric.generator_plcc)
    assert all(figure.low <= figure.value <= figure.high <= 1 for figure in figures)


def test_a_clip_without_a_value_is_left_out_of_that_metric_only() -> None:
    key = make_key(NAMES, clips=8)
    world = World(key, np.random.default_rng(5))
    found = world.ratings(panel_of(8, np.random.default_rng(5)))
    people = question_scores(acr_answers(found, key), "overall")
    whole = worth_of(world, NAMES)
    gap = whole.copy()
    gap[1, 2] = math.nan
    clip_values = clip_values_of(world, NAMES, whole=whole, gap=gap, none=np.full_like(whole, math.nan))
    metrics = {metric.key: metric for metric in against_people(clip_values, people)}
    assert (metrics["whole"].clips, metrics["gap"].clips, metrics["none"].clips) == (8, 7, 0)
    assert math.isnan(metrics["none"].within.value) and metrics["none"].rank is None


def test_a_metric_without_clip_values_has_figures_over_generators() -> None:
    key = make_key(NAMES, clips=6)
    world = World(key, np.random.default_rng(6))
    people = question_scores(acr_answers(world.ratings(panel_of(8, np.random.default_rng(6))), key), "overall")
    clip_values = clip_values_of(world, NAMES, fid_lower=np.full((3, 6), math.nan))
    clip_values.scores[0] = [10, 20, 30]
    metric = against_people(clip_values, people)[0]
    assert metric.rank is None and metric.points == 0 and math.isnan(metric.clip_plcc.value)
    assert metric.generator_srcc.value == 1


def test_within_clips_is_blind_to_what_clips_differ_in() -> None:
    random = np.random.default_rng(0)
    clip = 3 * random.standard_normal(200)
    one, other = (clip + random.standard_normal((4, 200)) for _ in range(2))
    assert pearsonr(one.ravel(), other.ravel())[0] > 0.8
    assert abs(float(within(one, other))) < 0.1


def test_pairwise_accuracy_counts_what_people_separate() -> None:
    apart = np.zeros((3, 3, 4), np.int8)
    apart[0, 1, :] = 1  # people prefer 0 to 1 on all four clips, and 2 to 1 on the first
    apart[1, 2, 0] = -1
    metric = np.array([[2.0, 2, 2, 1], [1, 1, 2, 2], [3, 0, 0, 0]])
    accuracy, pairs = accuracy_of(metric, apart)
    assert pairs == 5
    assert accuracy.value == pytest.approx((1 + 1 + 0.5 + 0 + 1) / 5)
    assert 0 < accuracy.low < accuracy.value < accuracy.high < 1
    sure, _ = accuracy_of(np.array([[2.0] * 4, [1] * 4, [3] * 4]), apart)
    assert sure.value == sure.high == 1 and sure.low < 0.6  # four clips are not much


@pytest.mark.slow
def test_intervals_of_agreement_within_clips_cover() -> None:
    """The truth: the same metric and as many raters, on endless clips."""
    covered = []
    many = make_key(NAMES, clips=600, repeats=0)
    world = World(many, np.random.default_rng(0))
    people = question_scores(acr_answers(world.ratings(panel_of(14, np.random.default_rng(1))), many), "overall")
    opinions = people.values[[people.generators.index(name) for name in NAMES]]
    noise = np.random.default_rng(2).standard_normal(opinions.shape)
    truth = float(within(worth_of(world, NAMES) + 1.5 * noise, opinions))
    key = make_key(NAMES, clips=15, repeats=0)
    for seed in range(150):
        random = np.random.default_rng(100 + seed)
        world = World(key, random)
        people = question_scores(acr_answers(world.ratings(panel_of(14, random)), key), "overall")
        worth = worth_of(world, NAMES)
        value = worth + 1.5 * random.standard_normal(worth.shape)
        found = against_people(clip_values_of(world, NAMES, one=value), people)[0].within
        covered.append(found.low <= truth <= found.high)
    assert 0.88 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize("method", METHODS)
def test_the_file_reads_as_it_was_written_and_damage_is_named(tmp_path: Path, method: str) -> None:
    key = make_key(clips=6, method=method)
    opinions = read_study(World(key, np.random.default_rng(0)).ratings(panel_of(5, np.random.default_rng(0))), key)
    path = tmp_path / "mos.json"
    write_study_result(path, opinions)
    again: StudyResult = read_study_result(path)
    assert to_json(again) == to_json(opinions) == path.read_text()
    content = json.loads(path.read_text())
    wrong = [
        {k: v for k, v in content.items() if k != "raters"},
        content | {"more": 1},
        content | {"format": 2},
        content | {"questions": [content["questions"][0] | {"scores": [{"generator": "x"}]}]},
        content | {"questions": []},
        content | {"difference": "much"},
        content | {"protocol": {"name": "x"}},
        [content],
    ]
    for changed in wrong:
        (tmp_path / "bad.json").write_text(json.dumps(changed))
        with pytest.raises(StudyError, match=r"bad\.json: .*expected what `lsbench mos read --out` wrote"):
            read_study_result(tmp_path / "bad.json")
    (tmp_path / "bad.json").write_bytes(path.read_bytes()[:-30])
    with pytest.raises(StudyError, match="not readable"):
        read_study_result(tmp_path / "bad.json")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("style", ["table", "json", "markdown", "csv"])
def test_the_command_prints_every_format(tmp_path: Path, method: str, style: str) -> None:
    key = make_key(clips=10, method=method)
    raters = [*panel_of(10, np.random.default_rng(0)), Rater("careless", care="reversed")]
    files = World(key, np.random.default_rng(0)).files(tmp_path, raters)
    write_key(tmp_path / "key.json", key)
    arguments = ["mos", "read", *map(str, files), "--key", str(tmp_path / "key.json"), "--format", style]
    done = CliRunner().invoke(main, [*arguments, "--difference", "0.5", "--out", str(tmp_path / "mos.json")])
    assert done.exit_code == 0, done.output
    assert "metrics are not compared with people: the key's runs are not where they were" in done.stderr
    held = read_study_result(tmp_path / "mos.json")
    if style == "json":
        assert done.stdout == to_json(held)
        return
    for part in ("good", "fair", "poor", REFERENCE):
        assert part in done.stdout
    if style != "csv":
        for part in ("careless", "LEFT OUT", "Krippendorff's alpha", "80 % power", "0.5 takes"):
            assert part in done.stdout, part


def test_the_command_names_errors_on_one_line(tmp_path: Path) -> None:
    key = make_key(clips=3)
    files = World(key, np.random.default_rng(0)).files(tmp_path, panel_of(2, np.random.default_rng(0)))
    write_key(tmp_path / "key.json", key)
    base = ["mos", "read", str(files[0]), "--key", str(tmp_path / "key.json")]
    done = CliRunner().invoke(main, [*base, "--question", "synk"])
    assert done.exit_code == 1 and "did you mean sync" in done.stderr
    done = CliRunner().invoke(main, [*base, "--run", str(tmp_path / "none")])
    assert done.exit_code == 1 and "not a run folder" in done.stderr
    assert CliRunner().invoke(main, ["mos", "read", str(files[0])]).exit_code == 2
    assert PROTOCOL["digest"] == key.protocol["digest"]
