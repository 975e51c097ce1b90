"""What the clips of a protocol say: where it is read, in which order, and that no digest moves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import ProtocolError
from lsbench.metrics.psnr import PSNR
from lsbench.metrics.visemes import VisemeClosure
from lsbench.protocol import protocol
from lsbench.protocol.words import transcript, worded, words_sha256
from lsbench.run.conditions import Conditions

MANIFEST = 'name = "mine"\nversion = "1"\nmanifest = "mine.csv"\n'


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    write_corpus(tmp_path / "clips", speakers=1, clips=2, frames=4, size=64)
    return tmp_path / "clips"


def test_files_beside_a_clip_say_it_those_with_times_first(clips: Path) -> None:
    bound = protocol.from_folder(clips)
    clip = bound.clips[0]
    assert transcript(clip) is None and words_sha256(bound) is None
    stem = clip.file.with_suffix("")
    said = []
    for suffix, text in (
        (".txt", "from text"),
        (".align", "0 1000 from\n1000 2000 grid\n"),
        (".ctm", "a 1 0 0.1 from\na 1 0.1 0.1 ctm\n"),
    ):
        stem.with_suffix(suffix).write_text(text)
        found = transcript(clip)
        assert found is not None
        said.append(" ".join(found.words))
    assert said == ["from text", "from grid", "from ctm"]
    assert protocol.from_folder(clips).digest == bound.digest  # what is beside a clip moves no digest


def test_words_are_read_where_a_metric_asks_for_them(clips: Path) -> None:
    bound = protocol.from_folder(clips)
    bound.clips[0].file.with_suffix(".txt").write_text("notes: 5 takes")
    assert worded(bound, [PSNR()]) is bound
    with pytest.raises(ProtocolError, match=r"a0.txt: '5' is no word in the letters a to z"):
        worded(bound, [PSNR(), VisemeClosure()])


def test_a_manifest_says_it_and_other_words_are_other_conditions(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MANIFEST)
    digests, conditions = set(), []
    for words in ("", "bin blue", "lay red"):
        (tmp_path / "mine.csv").write_text(f"speaker,clip,words\nt1,a0,{words}\nt1,a1,\n")
        bound = worded(protocol.read(tmp_path / "mine.toml").bind(clips), [VisemeClosure()])
        digests.add(bound.digest)
        conditions.append(Conditions.here(bound, [VisemeClosure()], None, {}, "cpu"))
    assert len(digests) == 1 and conditions[0].words is None and "words" not in conditions[0].written()
    difference = conditions[1].decisive_difference(conditions[2])
    assert difference is not None and difference.field == "words that are said"
    assert len({each.digest for each in conditions}) == 3
    assert conditions[1].decisive_difference(replace(conditions[1], words=None)) is None
    (tmp_path / "mine.csv").write_text("speaker,clip,words\nt1,a0,take 2\n")
    with pytest.raises(ProtocolError, match=r"mine.csv: line 2: '2' is no word"):
        protocol.read(tmp_path / "mine.toml")
