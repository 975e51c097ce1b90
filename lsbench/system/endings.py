"""How a process ended, in words, and whether the system was out of memory meanwhile."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

_VMSTAT = Path("/proc/vmstat")


def described(code: int) -> str:
    """How a process ended, by its exit code, or by minus the signal that killed it."""
    if code >= 0:
        return f"exited with code {code}"
    with contextlib.suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def oom_kills() -> int:
    """How many processes the kernel has killed for want of memory since it was started; 0 where it does not say."""
    try:
        lines = _VMSTAT.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def explained(code: int, oom_kills_before: int) -> str:
    """described(), and of SIGKILL what is known of who sent it. oom_kills_before: what oom_kills() gave earlier."""
    if code != -signal.SIGKILL:
        return described(code)
    if oom_kills() > oom_kills_before:
        return f"{described(code)}: the system ran out of memory"
    return f"{described(code)}; the system does not report that memory ran out, so that somebody ended it"
