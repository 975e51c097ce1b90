"""The weights of the networks in the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from lsbench.networks.weight_registry import Weights
from lsbench.networks.weights import Status
from lsbench.report.text.console import show_table
from lsbench.system.download import Package


def show_weights(states: Iterable[Status]) -> None:
    """Print what is known of each network: `bytes` are those that its first source sends."""
    rows = []
    for state in states:
        each = state.weights
        path = str(state.path) if each.forms else f"--weights {each.name}=PATH"
        rows.append([each.name, state.state, f"{each.wire_bytes:,}", each.licence, each.purpose, path])
    show_table(["name", "state", "bytes", "licence", "for", "file"], rows)


def show_forms(networks: Iterable[Weights]) -> None:
    """Print the files that hold each network, and where each is to be had."""
    rows = []
    for each in networks:
        for form in each.forms:
            for source in form.sources:
                sent = source.size if isinstance(source, Package) else form.size
                rows.append([each.name, form.file_name, f"{form.size:,}", str(source), f"{sent:,}"])
    show_table(["name", "file of it", "bytes", "source", "bytes sent"], rows)
