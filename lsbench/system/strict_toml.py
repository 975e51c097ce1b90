"""TOML as our files hold it: small, flat, its whole numbers of 64 bits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from lsbench.system.shape import shown
from lsbench.system.small_files import read_small
from lsbench.system.strict_json import demand_shallow

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOST_BYTES = 1 << 20


def read(path: Path) -> dict[str, Any]:
    """The table in a file; OSError where it cannot be read, ValueError, saying why, where it is none."""
    document = read_small(path, MOST_BYTES).decode("utf-8")
    try:
        content = tomllib.loads(document)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # of a whole number that Python refuses to read
        raise ValueError("it holds a whole number of more than 64 bits") from None
    demand_shallow(content)
    _demand_plain(content)
    return content


def _demand_plain(content: Any) -> None:
    """ValueError for whole numbers of more than 64 bits, which TOML has none of."""
    if isinstance(content, dict):
        for value in content.values():
            _demand_plain(value)
    elif isinstance(content, list):
        for value in content:
            _demand_plain(value)
    elif isinstance(content, int) and not -(2**63) <= content < 2**63:
        raise ValueError(f"it holds {shown(content)}; expected whole numbers of 64 bits")
