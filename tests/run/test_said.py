"""What a generated video says is what its sound says: whose words reach metrics and learners, in every task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest

import lsbench
from lsbench import registry
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import WeightsError
from lsbench.face.track import FaceTrack, Region
from lsbench.face.tracker import FaceTracker
from lsbench.media.clip import Clip
from lsbench.metrics._base.learner import Learner, Model, Moments
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.networks import weights
from lsbench.protocol.manifest import Reference
from lsbench.run import learn
from lsbench.run.folder import Run

WORDS = ["zero", "one", "two", "three", "four", "five"]


@dataclass(frozen=True)
class OwnWords(Learner):
    """Counts the words that a speaker's other clips say, by their place in WORDS."""

    needs_pictures: ClassVar[bool] = False
    needs_words: ClassVar[bool] = True
    of_own_speaker: ClassVar[bool] = True

    @property
    def signature(self) -> str:
        return "own_words.1"

    def learn(self, clip: Clip, track: FaceTrack) -> Stats:
        said = clip.said.words if clip.said else ()
        return Stats(words=np.array([[said.count(word) for word in WORDS]], float))

    def moments(self, stats: Stats) -> Moments:
        return {"words": stats["words"].sum(axis=0)}

    def solve(self, groups: Mapping[str, Moments]) -> Model:
        return {"words": np.sum([each["words"] for each in groups.values()], axis=0)}


@dataclass(frozen=True, kw_only=True)
class FirstWord(Metric):
    """The place in WORDS of the first word that a generated video says."""

    name: ClassVar[str] = "first_word"
    asks: ClassVar[str] = "What is said?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "test"
    regions: ClassVar[tuple[Region, ...]] = ()
    paired: ClassVar[bool] = False
    needs_words: ClassVar[bool] = True

    @property
    def learner(self) -> Learner:
        return OwnWords()

    def measure(self, pair: ClipPair) -> Stats:
        said, model = pair.generated.said, pair.models.get("own_words.1")
        learned = model["words"] if model else np.full(len(WORDS), np.nan)
        return Stats(word=np.array([WORDS.index(said.words[0]) if said else -1]), learned=learned[None])

    def compute(self, stats: Stats) -> float:
        return float(stats["word"].mean())


@pytest.fixture(autouse=True)
def metric(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.METRICS, "first_word", "test_said:FirstWord")
    try:
        weights.require("face_landmarker")
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")

    def unseen(self: FaceTracker, clip: Clip, content_sha256: str) -> FaceTrack:
        return FaceTrack(np.full((len(clip), 80, 2), 1, np.float32), np.ones(len(clip), bool), 64, 64)

    monkeypatch.setattr(FaceTracker, "measure_cached", unseen)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("said") / "clips"
    write_corpus(folder, speakers=2, clips=3, frames=6, size=64)
    for word, path in zip(WORDS, sorted(folder.rglob("*.m*")), strict=True):
        path.with_suffix(".txt").write_text(f"{word}, as it happens")
    return folder


def said(run: Path, ids: list[str]) -> tuple[list[int], list[list[float]]]:
    found = [Run(run).read_partial(clip_id) for clip_id in ids]
    stats = [each.stats["first_word"] for each in found if each is not None]
    return [int(each["word"][0]) for each in stats], [each["learned"][0].tolist() for each in stats]


IDS = [f"t{speaker}/a{clip}" for speaker in (1, 2) for clip in range(3)]


def test_a_reconstruction_says_what_its_clip_says_and_learns_the_speakers_others(clips: Path, tmp_path: Path) -> None:
    result = lsbench.score(clips, reference=clips, metrics=["first_word"], out=tmp_path, name="run")
    words, learned = said(tmp_path / "run", IDS)
    assert words == [0, 1, 2, 3, 4, 5]
    for place, counts in enumerate(learned):
        own = range(place // 3 * 3, place // 3 * 3 + 3)
        assert counts == [float(word in own and word != place) for word in range(6)]
    assert "words" in Run.of(result).request()


def test_a_swapped_sound_says_the_words_of_its_clip(clips: Path, tmp_path: Path) -> None:
    lsbench.score("swapped-audio", reference=clips, metrics=["first_word"], out=tmp_path, name="run")
    assert said(tmp_path / "run", IDS)[0] == [1, 2, 0, 4, 5, 3]


def test_a_dubbed_clip_says_the_words_of_its_sound(clips: Path, tmp_path: Path) -> None:
    rows = "".join(f"t1,a{clip},t1/a{(clip + 1) % 3}\n" for clip in range(3))
    (tmp_path / "dub.csv").write_text(f"speaker,clip,audio\n{rows}")
    rules = 'name = "dub"\nversion = "1"\ntask = "dubbing"\nmanifest = "dub.csv"\n'
    (tmp_path / "dub.toml").write_text(f'{rules}metrics = ["coverage"]\nrank_by = "coverage"\n')
    lsbench.score(
        clips / "t1", protocol=tmp_path / "dub.toml", data=clips, metrics=["first_word"], out=tmp_path, name="run"
    )
    words, learned = said(tmp_path / "run", IDS[:3])
    assert words == [1, 2, 0] and learned[0] == [0, 1, 1, 0, 0, 0]


def test_other_words_are_another_run(clips: Path, tmp_path: Path) -> None:
    lsbench.score(clips, reference=clips, metrics=["first_word"], out=tmp_path, name="run")
    text = clips / "t1" / "a0.txt"
    before = text.read_text()
    try:
        text.write_text("five")
        with pytest.raises(lsbench.LsbenchError, match="was started with words"):
            lsbench.score(clips, reference=clips, metrics=["first_word"], out=tmp_path, name="run")
        lsbench.score(clips, reference=clips, metrics=["first_word"], out=tmp_path, name="other")
        words, learned = said(tmp_path / "other", IDS)
        assert words[0] == 5 and learned[1] == [0, 0, 1, 0, 0, 1]  # what was learned of the old words is not used
    finally:
        text.write_text(before)


def test_a_speakers_own_groups_hold_every_clip_once() -> None:
    clips = [Reference(f"s{i % 2}/{i}", f"s{i % 2}") for i in range(50)]
    groups = learn.own_groups(clips)
    assert len(set(groups.values())) == 2 * learn.FOLDS and len(groups) == 50
    assert len({(groups[clip.id], clip.speaker) for clip in clips}) == 2 * learn.FOLDS
