"""Freed memory goes back to the system."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lsbench.system.memory import give_back


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system's own books")
def test_freed_memory_goes_back() -> None:
    blocks = [bytearray(60_000) for _ in range(2000)]  # small enough for glibc to keep
    pins = [bytearray(1000) for _ in range(10)]
    high = resident()
    del blocks
    give_back()
    assert resident() < high - 60_000_000 and pins
