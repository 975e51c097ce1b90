"""Visemes: the mouth shapes of phones, in 14 classes as MPEG-4 numbers them.

ISO/IEC 14496-2, table C.1 (visemes 1 to 14); names as in common use. The tables from phones to classes are lsbench's
own: a diphthong is filed under the shape that it begins with, h under none, for it has the shape of what follows.
"""

from __future__ import annotations

import re

VISEMES = ("PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou")
SOUNDS = ("p b m", "f v", "th dh", "t d", "k g ng", "ch j sh zh", "s z", "n l", "r", "ah", "eh", "ee", "aw", "oo w")
SHUT, TUCKED = VISEMES.index("PP"), VISEMES.index("FF")  # the lips meet; the lower lip meets the upper teeth
OPEN = tuple(VISEMES.index(name) for name in ("aa", "E", "oh"))  # vowels that no mouth can say with its lips shut

_ARPABET = {
    "PP": "P B M",
    "FF": "F V",
    "TH": "TH DH",
    "DD": "T D DX",
    "kk": "K G NG",
    "CH": "CH JH SH ZH",
    "SS": "S Z",
    "nn": "N L EN EL NX",
    "RR": "R ER AXR",
    "aa": "AA AH AY AW AX",
    "E": "AE EH EY",
    "ih": "IH IY IX Y",
    "oh": "AO OW OY",
    "ou": "UH UW UX W",
    "": "HH HV Q",
}
_IPA = {  # by the first symbol of a phone
    "PP": "pbmɓ",
    "FF": "fvɱʋ",
    "TH": "θð",
    "DD": "tdʈɖɾ",
    "kk": "kɡgŋqxɣcɟχ",
    "CH": "ʃʒɕʑʂʐ",
    "SS": "sz",
    "nn": "nlɲɫɭɳʎ",
    "RR": "rɹʁɻɚɝʀ",
    "aa": "aɑæɐʌ",
    "E": "eɛəɜɘ",
    "ih": "iɪɨj",
    "oh": "ɔoɒœɞ",
    "ou": "uʊwʉyøʏɥɯɤ",
    "": "hɦʔħʕ",
}
_BY_NAME = {phone: name for name, phones in _ARPABET.items() for phone in phones.split()}
_BY_SYMBOL = {symbol: name for name, symbols in _IPA.items() for symbol in symbols}
_AFFRICATES = {"tʃ": "CH", "dʒ": "CH", "tɕ": "CH", "dʑ": "CH", "tʂ": "CH", "ts": "SS", "dz": "SS", "pf": "PP"}
_TIES = re.compile("[͜͡ˈˌ]")  # ties of two symbols, and marks of stress
_SILENCE = {"", "sil", "sp", "spn", "pau", "h#", "#", "#h", "<eps>", "<sil>", "<p:>", "epi", "nsn", "spoken_noise"}
_STRESS = re.compile(r"(?:[0-2])?(?:_[BIES])?$")  # of ARPAbet, and the place in a word as Kaldi writes it


def is_silence(name: str) -> bool:
    """Whether the label of an interval says that nothing is said in it."""
    bare = name.strip().lower()
    return bare in _SILENCE or (bare.startswith("[") and bare.endswith("]"))


def viseme(phone: str) -> int | None:
    """The class of a phone, a place in VISEMES, or -1 where it has none of its own; None for no phone that is known.

    Args:
        phone: ARPAbet in capitals, such as `AH0`; or IPA, such as `tʃʰ`.
    """
    name = _BY_NAME.get(_STRESS.sub("", phone))
    if name is None:
        symbols = _TIES.sub("", phone)
        name = _AFFRICATES.get(symbols[:2], _BY_SYMBOL.get(symbols[:1]))
    if name is None:
        return None
    return VISEMES.index(name) if name else -1
