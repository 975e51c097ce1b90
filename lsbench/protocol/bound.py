"""The protocol that a call asks for: a folder of clips, or a protocol with its data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lsbench.errors import ProtocolError
from lsbench.protocol.protocol import Align, Protocol, Task, from_folder, load


def bound(
    reference: str | Path | None,
    protocol: str | Path | Protocol | None,
    data: str | Path | None,
    *,
    align: Align | None = None,
    task: Task | None = None,
) -> Protocol:
    """The protocol that the arguments ask for, bound to its data.

    Args:
        reference: a folder of reference clips, all of them. Either this or protocol.
        protocol: a name, a .toml file, or a Protocol.
        data: the folder that holds the protocol's clips, unless it is bound already.
        align, task: in place of its own.

    Raises:
        ProtocolError: where not exactly one is named, or clips are missing.
    """
    if (reference is None) == (protocol is None):
        raise ProtocolError("pass either reference (a folder of clips) or protocol with data")
    if reference is not None:
        protocol = from_folder(Path(reference))
    else:
        protocol = protocol if isinstance(protocol, Protocol) else load(str(protocol))
        if data is not None:
            protocol = protocol.bind(Path(data))
        elif not protocol.is_bound:
            raise ProtocolError(f"protocol {protocol.name}: pass --data, the folder that holds its reference clips")
    return replace(protocol, align=align or protocol.align, task=task or protocol.task)
