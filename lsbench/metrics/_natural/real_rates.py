"""How much the faces of real clips do, for videos of their kind without a reference: by corpus, then by metric.

GRID: 43 clips of 8 speakers, 129 s and 51 blinks in all, printed by
    `python bench/naturalness.py ../shared/grid-mini --real`.
"""

from __future__ import annotations

REAL_RATES = {"grid": {"blink_rate": 23.72, "brow_motion": 0.1434, "head_motion": 3.914, "lip_dynamics": 0.4078}}
NAMES = {"grid": "real clips of GRID"}
