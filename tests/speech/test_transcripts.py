"""Files that say what is said: what is read from good ones, and what is said of bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsbench.errors import ProtocolError
from lsbench.speech.grid_names import sentence
from lsbench.speech.spelling import spelled
from lsbench.speech.text import MOST_BYTES, read_words
from lsbench.speech.textgrid import read_textgrid
from lsbench.speech.time_lists import read_align, read_ctm
from lsbench.speech.transcript import Timed, Transcript, of_text
from lsbench.speech.visemes import VISEMES, viseme

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "s1 - words"
        xmin = 0
        xmax = 1.5
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.5
            text = "say ""hi"" 2"
    item [2]:
        class = "IntervalTier"
        name = "s1 - phones"
        xmin = 0
        xmax = 1.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = "sil"
        intervals [2]:
            xmin = 0.5
            xmax = 1e0
            text = "B"
        intervals [3]:
            xmin = 1
            xmax = 1.5
            text = "AY1"
"""
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
1.5
<exists>
2
"TextTier"
"bursts"
0
1.5
1
0.7
"b"
"IntervalTier"
"words"
0
1.5
3
0
0.5
""
0.5
0.9
"Bin"
0.9
1.5
"blue"
"""


def kept(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_textgrid_gives_its_phones(tmp_path: Path, encoding: str) -> None:
    said = read_textgrid(kept(tmp_path / "a.TextGrid", LONG.encode(encoding)))
    assert said.phones == (Timed("B", 0.5, 1.0), Timed("AY1", 1.0, 1.5)) and said.words == ()


def test_a_short_textgrid_gives_its_words_with_their_times(tmp_path: Path) -> None:
    said = read_textgrid(kept(tmp_path / "a.TextGrid", SHORT))
    assert said.words == ("bin", "blue") and said.times == (Timed("bin", 0.5, 0.9), Timed("blue", 0.9, 1.5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LONG[:400], "the file ends where .* is it cut off"),
        (LONG[: LONG.index("xmax = 1e0")], "the file ends where an end was expected"),
        ("", "the file ends where a file of TextGrid"),
        (LONG.replace("ooTextFile", "ooBinaryFile"), "not a TextGrid in a text format of Praat"),
        (LONG.encode("latin-1").replace(b"AY1", b"\xe9"), "not UTF-8 text"),
        (b"ooBinaryFile\0\0", "zero bytes"),
        (LONG.replace("s1 - ", "s1 ").replace("words", "a").replace("phones", "b"), "interval tiers: s1 a, s1 b"),
        (LONG.replace("xmax = 1e0", "xmax = 0.4"), "'B' from 0.5 to 0.4 s, after 0.5 s; expected times from 0 on that"),
        (LONG.replace("xmin = 0.5", "xmin = 0.3"), "after 0.5 s; expected times"),
        (LONG.replace("AY1", "!!"), "phone '!!' at 1 s is neither ARPAbet nor IPA"),
        (LONG.replace("intervals: size = 3", "intervals: size = 3e9"), "3e\\+09 as the number of intervals"),
        (LONG.replace('"B"', '""').replace('"AY1"', '"sp"'), "no phones"),
        (SHORT.replace("blue", "2"), "'2' is no word in the letters a to z"),
        (SHORT.replace("blue", "pale blue"), "an interval of its words holds several"),
    ],
)
def test_a_bad_textgrid_is_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ProtocolError, match=message) as raised:
        read_textgrid(kept(tmp_path / "a.TextGrid", text))
    assert "a.TextGrid" in str(raised.value) and "\n" not in str(raised.value)


def test_an_align_file_counts_thousands_to_a_frame(tmp_path: Path) -> None:
    said = read_align(kept(tmp_path / "a.align", "0 23750 sil\n23750 29500 bin\n\n29500 30000 sp\n30000 34000 blue\n"))
    assert said.times == (Timed("bin", 0.95, 1.18), Timed("blue", 1.2, 1.36)) and said.words == ("bin", "blue")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty file"),
        ("0 1000 sil\n1000 bin", "line 2: expected START END WORD"),
        ("0 1000 sil\n1000 5e3 bin", "line 2: expected START END WORD"),
        ("0 1000 sil\n500 2000 bin", "'bin' from 0.02 to 0.08 s, after 0.04 s"),
        ("0 2000 sil\n3000 2500 bin", "'bin' from 0.12 to 0.1 s"),
        ("0 1000 sil\n1000 2000 b1n", "'b1n' is no word"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_a_bad_align_file_is_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        read_align(kept(tmp_path / "a.align", text))


def test_a_ctm_gives_words_or_phones_of_the_clip(tmp_path: Path) -> None:
    words = kept(
        tmp_path / "a.ctm", ";; made by hand\na 1 0.00 0.20 bin 0.9\nb 1 0.10 0.20 other\na 1 0.20 0.30 blue\n"
    )
    assert read_ctm(words, "s1/a").times == (Timed("bin", 0.0, 0.2), Timed("blue", 0.2, 0.5))
    phones = kept(tmp_path / "b.ctm", "x 1 0 0.1 SIL\nx 1 0.1 0.1 B_B\nx 1 0.2 0.2 IH1_E\n")
    assert [viseme(each.name) for each in read_ctm(phones, "s1/b").phones] == [0, VISEMES.index("ih")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1 0.0 bin", "line 1: expected UTTERANCE CHANNEL START DURATION TOKEN"),
        ("a 1 0.0 -1 bin", "line 1: expected"),
        ("a 1 nan 1 bin", "line 1: expected"),
        ("a 1 1.0 0.5 bin\na 1 0.2 0.5 blue", "'blue' from 0.2 to 0.7 s, after 1.5 s"),
        ("x 1 0 1 bin\ny 1 0 1 blue", "2 utterances, none named s1/a"),
    ],
)
def test_a_bad_ctm_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        read_ctm(kept(tmp_path / "c.ctm", text), "s1/a")


def test_a_text_is_read_as_words(tmp_path: Path) -> None:
    assert of_text("“Well-known”: DON'T, said he…", "t").words == ("well", "known", "don't", "said", "he")
    lrs = kept(tmp_path / "a.txt", "Text:  BIN BLUE AT\nConf:  4\nWORD START END ASDSCORE\nBIN 0.1 0.2 3.4\n")
    assert read_words(lrs).words == ("bin", "blue", "at")
    for text, message in ((" \n", "no words"), ("at 5 pm", "'5' is no word"), ("быстро", "is no word")):
        with pytest.raises(ProtocolError, match=message):
            read_words(kept(tmp_path / "b.txt", text))
    with pytest.raises(ProtocolError, match="larger than 16 MB"):
        read_words(kept(tmp_path / "c.txt", b"a" * (MOST_BYTES + 1)))
    with pytest.raises(ProtocolError, match="not readable"):
        read_words(tmp_path / "none.txt")


def test_the_names_of_grid_are_sentences() -> None:
    assert sentence("s1/bbaf2n") == "bin blue at f two now"
    assert sentence("s33/swiz9p") == "set white in z nine please"
    for other in ("bbaf2n", "s1/bbaw2n", "s1/bbaf2n2", "t1/bbaf2n", "s1/hello1", "s1/x/bbaf2n"):
        assert sentence(other) is None


def test_phones_have_their_visemes() -> None:
    for phones, name in (("P b M", "PP"), ("F v", "FF"), ("tʃ CH t͡ʃʰ dʒ", "CH"), ("AY1 aː", "aa"), ("W ʊ", "ou")):
        assert {VISEMES[viseme(phone)] for phone in phones.split()} == {name}
    assert viseme("HH") == -1 and viseme("??") is None


def test_words_are_spelled_where_nothing_else_is_known() -> None:
    assert spelled("bphoobaz") == "B F UW B AE Z"
    assert spelled("moffat").split()[:3] == ["M", "AA", "F"]


def test_what_is_said_moves_with_its_sound() -> None:
    said = of_text("bin", "t")
    assert said.moved(-1).digest == said.digest
    timed = Transcript(phones=(Timed("B", 1.0, 1.5),))
    assert timed.moved(-0.5).phones == (Timed("B", 0.5, 1.0),) and timed.moved(-0.5).digest != timed.digest
