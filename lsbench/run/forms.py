"""What the files of a run hold: run.json, result.json, the head of a finished clip, clips.parquet, a bundle's manifest.

What is optional was not written by every version of lsbench whose runs are still read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lsbench.metrics._base.direction import ARROWS
from lsbench.protocol.facts import FACTS, NAMED_FACTS
from lsbench.system.shape import (
    MOST,
    SHA256,
    Kind,
    Unexpected,
    anything,
    choice,
    encoded,
    flag,
    listed,
    maybe,
    name,
    number,
    pattern,
    record,
    series,
    table,
    text,
    whole,
)

FORMAT = 1
TABLE = ("clip_id", "speaker", "metric", "region", "value", "frames", "influence")  # columns of clips.parquet
SEGMENTS = "segments"  # and one more where clips are cut: the influence of each segment of the clip, a list

_SIGNED = whole(-MOST)

MOST_VALUE = 1e100  # of a score: what is computed of it stays finite


def _value(value: Any, key: str) -> float:
    measured = encoded(value, key)
    if MOST_VALUE < abs(measured) < math.inf:
        raise Unexpected(key, value, f"a number up to {MOST_VALUE:g}")
    return measured


REQUEST: Kind = record(
    {
        "format": choice(FORMAT),
        "protocol": FACTS,
        "metrics": table(name, name),
        "weights": table(name, name),
        "versions": table(name, name),
    },
    {
        "name": name,
        "generated": text,
        "reference": text,
        "tracker": maybe(name),
        "device": maybe(name),
        "sound": maybe(choice("required", "optional")),
        "words": pattern(SHA256),
        "audit": record({"revision": whole(), "seed": _SIGNED}),
        "decoding": whole(1),
    },
)

RESULT: Kind = record(
    {
        "format": choice(FORMAT),
        "name": name,
        "protocol": NAMED_FACTS,
        "clips": whole(),
        "expected": whole(),
        "scores": table(
            record(
                {
                    "value": _value,
                    "better": choice(*ARROWS),
                    "signature": name,
                    "frames": whole(),
                    "note": maybe(text),
                },
                {"detail": table(anything, name), "low": number(), "high": number()},
            ),
            name,
        ),
        "failed": table(text, name),
        "extra": listed(text),
        "unavailable": table(text, name),
        "lag_frames": table(_SIGNED, name),
        "frames": whole(),
        "reference_frames": whole(),
    },
    {"complete": flag, "notes": table(listed(text), name)},
)

HEAD: Kind = record(
    {
        "format": choice(FORMAT),
        "clip_id": name,
        "generated_sha256": text,
        "reference_sha256": text,
        "frames": whole(),
        "reference_frames": whole(),
        "lag_frames": _SIGNED,
        "stats": table(table(text)),
    },
    {"notes": listed(text), "left_out": listed(series(whole(), whole())), "fps": maybe(number(0, above=True))},
)

MANIFEST: Kind = record(
    {
        "format": choice(FORMAT),
        "name": text,
        "files": table(record({"sha256": pattern(SHA256), "bytes": whole()}), name),
    }
)


def read_table(path: Path, most_rows: int) -> Any:
    """clips.parquet as a pandas.DataFrame: its columns of the types that finish() gives them, whatever else it says.

    Raises:
        OSError: where it cannot be read.
        ValueError: where it is no table, has more rows than it can have, lacks a column, or has one of another type.
    """
    import pyarrow
    from pyarrow import parquet, types

    kinds = {
        **dict.fromkeys(
            ("clip_id", "speaker", "metric", "region"), ("texts", (types.is_string, types.is_large_string))
        ),
        **dict.fromkeys(("value", "influence"), ("numbers", (types.is_floating,))),
        "frames": ("whole numbers", (types.is_integer,)),
        SEGMENTS: ("lists of numbers", (_is_list_of_floats,)),
    }
    try:
        with parquet.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, sum(_rows(file.metadata))
            if missing := [column for column in TABLE if column not in schema.names and column != "influence"]:
                raise ValueError(f"no column {', '.join(missing)}")
            columns = [column for column in (*TABLE, SEGMENTS) if column in schema.names]
            for column in columns:
                expected, tests = kinds[column]
                found = schema.field(column).type if schema.names.count(column) == 1 else "there twice"
                if found == "there twice" or (rows and not any(test(found) for test in tests)):
                    raise ValueError(f"column {column} is not one of {expected}, but {found}")
            if rows > most_rows:
                raise ValueError(f"{rows} rows; expected at most {most_rows}, one for each score of each clip")
            table = file.read(columns).replace_schema_metadata(None)
    except pyarrow.ArrowException as error:
        raise ValueError(" ".join(str(error).split())[:300]) from error
    for column in (column for column in columns if column not in ("value", "influence", "speaker")):
        if table[column].null_count:
            raise ValueError(f"column {column} has gaps")
    frame = table.to_pandas()
    if len(frame) and frame["frames"].min() < 0:
        raise ValueError("column frames holds what is less than 0")
    for column in {"value", "influence"} & set(columns):
        sizes = frame[column].abs()
        if ((sizes > MOST_VALUE) & (sizes < math.inf)).any():
            raise ValueError(f"column {column} holds numbers beyond {MOST_VALUE:g}")
    return frame


def _rows(metadata: Any) -> Iterable[int]:
    return (metadata.row_group(index).num_rows for index in range(metadata.num_row_groups))


def _is_list_of_floats(kind: Any) -> bool:
    from pyarrow import types

    return (types.is_list(kind) or types.is_large_list(kind)) and types.is_floating(kind.value_type)
