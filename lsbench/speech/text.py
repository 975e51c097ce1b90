"""Text files that say what is said: read with a limit, in the encodings that their programs write."""

from __future__ import annotations

import codecs
from pathlib import Path

from lsbench.errors import ProtocolError, reason
from lsbench.speech.transcript import Transcript, of_text
from lsbench.system.small_files import read_small

MOST_BYTES = 16 << 20


def read_text(path: Path) -> str:
    """A text file: UTF-8, or UTF-16 where it begins with a byte order mark, as Praat writes it.

    Raises:
        ProtocolError: where it cannot be read, is too large or holds other bytes.
    """
    try:
        content = read_small(path, MOST_BYTES)
    except (OSError, ValueError) as error:
        raise ProtocolError(f"{path}: not readable ({reason(error)}); expected a text of what one clip says") from error
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProtocolError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from None
    if "\0" in text:
        raise ProtocolError(f"{path}: holds zero bytes; expected UTF-8 text")
    return text


def read_words(path: Path) -> Transcript:
    """What a text file says; of one whose first line begins with `Text:`, as in LRS, that line alone.

    Raises:
        ProtocolError: naming the file, and what is wrong with it.
    """
    text = read_text(path).strip()
    first = text.partition("\n")[0]
    marked = first[: len("text:")].lower() == "text:"
    return of_text(first[len("text:") :] if marked else text, str(path))
