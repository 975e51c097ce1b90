"""What a preparation has found so far, kept in DATA: the index, and what it needs to go on after a kill.

DATA/index.parquet has a row for every clip (see Record). DATA/.prepare holds the records of a run that has not
finished, the listings of archives, and what was unpacked of them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path

from lsbench.corpus.grid.archives import Listing
from lsbench.corpus.grid.check import Record
from lsbench.errors import CorpusError, reason
from lsbench.system import shape, strict_json
from lsbench.system.cache import write_atomically

INDEX, FOLDER = "index.parquet", ".prepare"
_KINDS = {"str": "string", "int": "int64", "float": "float64", "bool": "bool"}


_RECORD = shape.of(Record)
_LISTINGS = shape.table(shape.series(shape.table(shape.whole()), shape.listed(shape.text), shape.listed(shape.text)))


def is_prepared(out: Path) -> bool:
    """Whether a folder is one that clips were prepared into, or were about to be."""
    return _is_index(out / INDEX) or (out / FOLDER).is_dir()


def _is_index(path: Path) -> bool:
    from pyarrow import ArrowException, parquet

    try:
        return {field.name for field in fields(Record)} <= set(parquet.read_schema(path).names)
    except (OSError, ValueError, ArrowException):
        return False


class State:
    """The records and listings under one DATA."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out / FOLDER
        self.unpacked = self.folder / "unpacked"
        self.lock = self.folder / "lock"
        self._log, self._archives, self._index = (
            self.folder / "checked.jsonl",
            self.folder / "archives.json",
            out / INDEX,
        )
        self.folder.mkdir(parents=True, exist_ok=True)

    def records(self) -> dict[str, Record]:
        """What is known of each clip, by id: the index, and what a killed run found since."""
        records = {record.clip_id: record for record in self._read_index()}
        if self._log.exists():
            for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    record: Record = _RECORD(strict_json.parse(line), "")
                except ValueError:  # the line that was being written when the run was killed
                    continue
                records[record.clip_id] = record
        return records

    def add(self, record: Record) -> None:
        """Keep a record, should the run be killed."""
        with self._log.open("a", encoding="utf-8") as file:
            file.write("\n" * (file.tell() > 0) + json.dumps(asdict(record)))

    def finish(self, records: Iterable[Record]) -> None:
        """Write the index, unless it holds these records already, and clear what was kept for a restart."""
        import pandas

        rows = sorted(records, key=lambda record: record.clip_id)
        if rows != self._read_index():
            kinds = {field.name: _KINDS[str(field.type)] for field in fields(Record)}
            table = pandas.DataFrame([asdict(row) for row in rows], columns=list(kinds)).astype(kinds)
            write_atomically(self._index, lambda file: table.to_parquet(file, index=False))
        self._log.unlink(missing_ok=True)
        shutil.rmtree(self.unpacked, ignore_errors=True)

    def listings(self) -> dict[str, Listing]:
        """Archives that were listed before, by a stamp of the archive."""
        try:
            listings = _LISTINGS(strict_json.read(self._archives), "")
            return {stamp: Listing(*listing) for stamp, listing in listings.items()}
        except (OSError, ValueError):
            return {}

    def keep_listings(self, listings: Mapping[str, Listing]) -> None:
        """Replace the listings."""
        strict_json.write(
            self._archives, {stamp: [held.members, held.faults, held.twice] for stamp, held in listings.items()}
        )

    def _read_index(self) -> list[Record]:
        import pandas
        from pyarrow import ArrowException

        if not self._index.exists():
            return []
        try:
            rows = pandas.read_parquet(self._index).to_dict("records")
            return [_RECORD(row, f"row {number}") for number, row in enumerate(rows, start=1)]
        except (ValueError, KeyError, TypeError, NotImplementedError, OSError, ArrowException) as error:
            raise CorpusError(
                f"{self._index}: not the index of a prepared corpus ({reason(error)}); remove it"
            ) from error
