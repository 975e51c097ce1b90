"""The weight files in the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from lsbench.networks.weights import Status
from lsbench.report.text.console import show_table


def show_weights(states: Iterable[Status]) -> None:
    """Print what is known of the weight files."""
    rows = []
    for state in states:
        weight = state.weight
        rows.append([weight.name, state.state, f"{weight.size:,}", weight.licence, weight.purpose, str(state.path)])
    show_table(["name", "state", "bytes", "licence", "for", "file"], rows)
