"""Whether a file ends where its parts do: what was cut short ends in the middle of one that announces more bytes.

Each container is walked from part to part by the lengths that these announce; nothing of them is decoded. A length that
was never filled in, as writers of pipes leave it, tells nothing.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from lsbench.errors import MediaError
from lsbench.media.container import damaged
from lsbench.system import regular

_UNKNOWN = 0x7FFF0000  # lengths of 32 bits from here on are those of pipes
_EBML_SEGMENT, _EBML_CLUSTER = 0x18538067, 0x1F43B675
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_FLV_TAGS = 8, 9, 18  # sound, pictures, what is said of them
_MPEG_PACK, _MPEG_END = 0xBA, 0xB9
_BLOCK_BYTES = 1 << 15


def demand_whole(source: Path, where: str, kind: str = "video") -> None:
    """Refuse a file that was cut short.

    Args:
        source: the file.
        where: the start of every error message.
        kind: of file that it should be, for the errors.

    Raises:
        MediaError: where its last part announces more bytes than there are, or it cannot be read.
    """
    try:
        with regular.opened(source) as file:
            missing = _missing(_Bytes(file, source.stat().st_size))
    except OSError as error:
        raise MediaError(f"{where}: cannot be read: {error.strerror}") from None
    if missing > 0:
        raise damaged(
            where, f"cut short, its container announces at least {missing:,} bytes more than there are", kind=kind
        )


class _Bytes:
    """A file's bytes by their place. size: how many there are."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self.size = file, size
        self._first, self._block = 0, b""

    def at(self, place: int, count: int) -> bytes:
        """Some of them, at most 300; fewer at the end of the file."""
        start = place - self._first
        if not 0 <= start <= len(self._block) - count:
            self._file.seek(place)
            self._first, self._block, start = place, self._file.read(_BLOCK_BYTES), 0
        return self._block[start : start + count]

    def number(self, form: str, place: int) -> int:
        """A whole number as struct spells it; raises struct.error where the file ends before it."""
        (value,) = struct.unpack(form, self.at(place, struct.calcsize(form)))
        return int(value)


def _missing(file: _Bytes) -> int:
    """How many bytes the last part of a file lacks at least; 0 where that cannot be told, or none is."""
    head = file.at(0, 16)
    for start, end_of in _ENDS.items():
        if re.match(start, head, re.DOTALL):
            try:
                return end_of(file) - file.size
            except struct.error:  # in the middle of a length
                return 1
    return 0


def _end_of_riff(file: _Bytes) -> int:
    """AVI and WebP by their outermost lists, WAVE by its samples; some writers count the lists' own heads."""
    length = file.number("<I", 4)
    if file.at(8, 4) == b"WAVE":
        return _end_of_wave(file)
    place = 0
    while 0 < length < _UNKNOWN:
        place += 8 + length + length % 2
        if place >= file.size or file.at(place, 4) != b"RIFF":
            return place - length % 2 - 8
        length = file.number("<I", place + 4)
    return file.size


def _end_of_wave(file: _Bytes) -> int:
    """The samples; those of a hundredth of a second may be missing."""
    place, second = 12, 0
    while place + 8 <= file.size:
        name, length = file.at(place, 4), file.number("<I", place + 4)
        if name == b"fmt ":
            second = file.number("<I", place + 16)
        if name == b"data":
            return file.size if length >= _UNKNOWN else place + 8 + length - second // 100
        place += 8 + length + length % 2
    return place


def _end_of_ebml(file: _Bytes) -> int:
    """Matroska and WebM."""
    place = 0
    while place < file.size and file.at(place, 1) != b"\0":
        name, start, _ = _ebml_number(file, place, keep_marker=True)
        length, start, unknown = _ebml_number(file, start)
        master = name in (_EBML_SEGMENT, _EBML_CLUSTER)
        if unknown and not master:
            return file.size
        place = start if unknown else start + length
        if name == _EBML_SEGMENT and not unknown:
            return place
    return max(place, file.size)


def _ebml_number(file: _Bytes, place: int, keep_marker: bool = False) -> tuple[int, int, bool]:
    """A number of variable length, the place after it, and whether it stands for one that is not known."""
    first = file.number("B", place)
    count = 9 - first.bit_length()
    content = file.at(place, count)
    if len(content) < count:
        raise struct.error
    value = int.from_bytes(content, "big")
    most = (1 << 7 * count) - 1
    return value if keep_marker else value & most, place + count, value & most == most


def _end_of_boxes(file: _Bytes) -> int:
    """MP4, MOV and their kin."""
    place = 0
    while place + 8 <= file.size:
        length, name = file.number(">I", place), file.at(place + 4, 4)
        if length == 1:
            length = file.number(">Q", place + 8)
        if length < 8 or not re.fullmatch(rb"[\w ]{4}", name):  # up to the end of the file, or no box any more
            return file.size
        place += length
    return place


def _end_of_asf(file: _Bytes) -> int:
    """WMV."""
    place = 0
    while place + 24 <= file.size:
        length = file.number("<Q", place + 16)
        if length < 24:
            return file.size
        place += length
    return place


def _end_of_ogg(file: _Bytes) -> int:
    """Pages."""
    place = 0
    while place < file.size:
        if file.at(place, 4) != b"OggS"[: file.size - place]:
            return file.size
        segments = file.at(place + 27, file.number("B", place + 26))
        place += 27 + len(segments) + sum(segments)
    return place


def _end_of_flv(file: _Bytes) -> int:
    """Tags, each with the length of the one before it."""
    place = file.number(">I", 5) + 4
    while place < file.size:
        kind, length = divmod(file.number(">I", place), 1 << 24)
        if kind not in _FLV_TAGS:
            return file.size
        place += 11 + length + 4
    return place


def _end_of_program_stream(file: _Bytes) -> int:
    """MPEG: packs and packets."""
    place = 0
    while place < file.size:
        head = file.at(place, 14)
        if head[:3] != b"\0\0\1"[: len(head)]:
            return file.size
        name = head[3] if len(head) > 3 else _MPEG_END
        if name == _MPEG_PACK:
            if len(head) < 14:
                raise struct.error
            place += 14 + (head[13] & 7) if head[4] >> 6 == 1 else 12
        elif name == _MPEG_END:
            place += 4
        else:
            length = file.number(">H", place + 4)
            if name < _MPEG_END or not length:
                return file.size
            place += 6 + length
    return place


def _end_of_transport_stream(file: _Bytes) -> int:
    """MPEG: packets of equal length."""
    first, length = (0, 188) if file.at(188, 1) == b"G" else (4, 192)
    if file.at(first, 1) != b"G" or file.at(first + length, 1) != b"G":
        return file.size
    return -(-file.size // length) * length


def _end_of_png(file: _Bytes) -> int:
    """Chunks, up to the last one."""
    place = 8
    while place + 8 <= file.size:
        length, name = file.number(">I", place), file.at(place + 4, 4)
        place += 12 + length
        if name == b"IEND":
            return place
    return place + 12


_ENDS: dict[bytes, Callable[[_Bytes], int]] = {  # of files, by how they begin
    rb"RIFF": _end_of_riff,
    rb"\x1aE\xdf\xa3": _end_of_ebml,
    rb"....(ftyp|moov|mdat|free|skip|wide|styp|pnot)": _end_of_boxes,
    re.escape(_ASF_HEADER): _end_of_asf,
    rb"OggS": _end_of_ogg,
    rb"FLV": _end_of_flv,
    rb"\x00\x00\x01\xba": _end_of_program_stream,
    rb"(G|....G)": _end_of_transport_stream,
    rb"\x89PNG": _end_of_png,
}
