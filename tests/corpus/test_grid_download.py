"""Fetching the GRID archives, from a server on this machine that plays the record's."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lsbench.corpus.grid.download import RECORD, describe, download_archives
from lsbench.corpus.grid.sources import SPEAKERS
from lsbench.errors import CorpusError
from lsbench.protocol import protocol
from lsbench.protocol.manifest import Reference, Select
from lsbench.protocol.protocol import Protocol

CONTENT = {f"{speaker}.zip": f"clips of {speaker} ".encode() * 9000 for speaker in SPEAKERS}
CONTENT["alignments.zip"] = b"alignments" * 500
BENCH = Protocol(name="two", version="1", clips=(Reference("s1/bbaf2n", "s1"), Reference("s22/bbaf1n", "s22")))


class Record:
    """What the server gives; `cut` names files whose connection ends halfway, once each."""

    def __init__(self) -> None:
        self.files = dict(CONTENT)
        self.listed = list(CONTENT)
        self.cut: set[str] = set()
        self.asked: list[tuple[str, str | None]] = []
        self.url = ""

    def description(self) -> dict[str, Any]:
        return {
            "files": [
                {
                    "key": name,
                    "size": len(CONTENT[name]),
                    "checksum": f"md5:{hashlib.md5(CONTENT[name]).hexdigest()}",
                    "links": {"self": f"{self.url}/files/{name}"},
                }
                for name in self.listed
            ]
        }


@pytest.fixture
def record() -> Iterator[Record]:
    held = Record()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/record":
                content, start = json.dumps(held.description()).encode(), 0
            else:
                name = self.path.rpartition("/")[2]
                wanted = self.headers.get("Range")
                held.asked.append((name, wanted))
                content = held.files[name]
                start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            name = self.path.rpartition("/")[2]
            if name in held.cut:
                held.cut.remove(name)
                content = content[: len(content) // 2]
            self.wfile.write(content[start:])

        def log_message(self, *_: object) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_port}"
    yield held
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_archives_of_a_protocols_speakers_are_fetched(record: Record, tmp_path: Path) -> None:
    seen = []
    paths = download_archives(
        tmp_path, [BENCH], record=f"{record.url}/record", progress=lambda what, *_: seen.append(what)
    )
    assert [path.name for path in paths] == ["s1.zip", "s22.zip", "alignments.zip"]
    assert all(path.read_bytes() == CONTENT[path.name] for path in paths)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alignments.zip", "s1.zip", "s22.zip"]
    assert set(seen) == {"fetch s1.zip", "fetch s22.zip", "fetch alignments.zip"}
    record.asked.clear()
    download_archives(tmp_path, [BENCH], record=f"{record.url}/record")
    assert record.asked == []


def test_all_speakers_where_no_protocol_is_named(record: Record, tmp_path: Path) -> None:
    assert len(download_archives(tmp_path, record=f"{record.url}/record")) == 34
    rule = Protocol(name="rule", version="1", select=Select(("s3",)))
    assert [path.name for path in download_archives(tmp_path, [rule], record=f"{record.url}/record")] == [
        "s3.zip",
        "alignments.zip",
    ]


def test_a_cut_download_goes_on(record: Record, tmp_path: Path) -> None:
    record.cut = {"s22.zip"}
    with pytest.raises(CorpusError, match=r"s22.zip: .*What has arrived is kept; repeat"):
        download_archives(tmp_path, [BENCH], record=f"{record.url}/record")
    half = (tmp_path / "s22.zip.part").stat().st_size
    assert 0 < half < len(CONTENT["s22.zip"])
    assert not (tmp_path / "s22.zip").exists()
    download_archives(tmp_path, [BENCH], record=f"{record.url}/record")
    assert ("s22.zip", f"bytes={half}-") in record.asked
    assert (tmp_path / "s22.zip").read_bytes() == CONTENT["s22.zip"]


def test_a_left_over_of_another_file_is_not_trusted(record: Record, tmp_path: Path) -> None:
    (tmp_path / "s1.zip.part").write_bytes(b"x" * 1000)
    download_archives(tmp_path, [BENCH], record=f"{record.url}/record")
    assert (tmp_path / "s1.zip").read_bytes() == CONTENT["s1.zip"]


def test_wrong_bytes_are_thrown_away(record: Record, tmp_path: Path) -> None:
    record.files["s1.zip"] = CONTENT["s1.zip"][::-1]
    with pytest.raises(CorpusError, match="s1.zip: md5 .*; expected"):
        download_archives(tmp_path, [BENCH], record=f"{record.url}/record")
    assert list(tmp_path.iterdir()) == []


def test_a_record_without_the_archives_is_named(record: Record, tmp_path: Path) -> None:
    record.listed.remove("s22.zip")
    with pytest.raises(CorpusError, match=r"lists no s22.zip; fetch the archives by hand"):
        download_archives(tmp_path, [BENCH], record=f"{record.url}/record")
    with pytest.raises(CorpusError, match="expected a description of the GRID corpus"):
        describe(f"{record.url}/files/alignments.zip")
    with pytest.raises(CorpusError, match="bring the archives and leave out --download"):
        describe("http://127.0.0.1:9/record")


def test_the_record_is_the_corpus_own() -> None:
    assert RECORD == "https://zenodo.org/api/records/3625687"
    assert len(SPEAKERS) == 33 and "s21" not in SPEAKERS
    small = protocol.load("grid-small")
    assert small.select is not None
    assert set(SPEAKERS) == {*small.select.speakers, "s1", "s2", "s20", "s22"}
