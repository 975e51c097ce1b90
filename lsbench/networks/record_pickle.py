"""Pickles as records: what a file says is read, nothing that it names is imported or called."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Collection, Iterator, Mapping
from typing import Any


class Record:
    """What a pickle would have made: the class or function that it names, with arguments and state as they lie there.

    Attributes:
        name: such as `numpy.dtype`.
        args: of the call; empty where there was none.
        state: that the object was to be given; None where there is none.
    """

    name = ""
    args: tuple[Any, ...] = ()
    state: Any = None

    def __init__(self, *args: Any) -> None:
        self.args = args

    def __setstate__(self, state: Any) -> None:
        self.state = state


def read(data: bytes, names: Collection[str], prefix: str | None = None) -> Any:
    """The dicts, lists, tuples, numbers, strings and records of a pickle.

    Args:
        data: the pickle.
        names: the classes and functions that it may name, such as `numpy.dtype`.
        prefix: any name that begins so may be named too.

    Returns:
        What it holds; a reference to something outside the pickle is a record named `outside`.

    Raises:
        ValueError: where it names anything else, or is none.
    """
    for opcode, argument, _ in pickletools.genops(data):  # lengths and places that the file does not have
        if opcode.name in ("LONG_BINPUT", "PUT") and int(argument or 0) > len(data):
            raise ValueError(f"a pickle of {len(data):,} bytes that asks for {argument:,} places")

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> type[Record]:
            full = f"{module}.{name}"
            if full not in names and not (prefix and full.startswith(prefix)):
                raise ValueError(f"it names {full[:100]}, which no file of tensors needs")
            return type("Record", (Record,), {"name": full})  # of this reading alone, whatever the pickle does to it

        def persistent_load(self, pid: Any) -> Record:
            record = Record(*pid) if isinstance(pid, tuple) else Record(pid)
            record.name = "outside"
            return record

    try:
        return Reader(io.BytesIO(data)).load()
    except ValueError:
        raise
    except Exception as error:  # a hostile pickle can make the reader raise anything
        raise ValueError(f"no pickle that can be read: {error or type(error).__name__}") from error


def leaves(tree: Any, separator: str) -> Iterator[tuple[str, Any]]:
    """What lies in nested dicts, by the names on the way to it; a record is entered where its state is a dict.

    Raises:
        ValueError: for a dict or record that can be come to by two ways, and for a key that is no text.
    """
    pending, entered = [("", tree)], set()
    while pending:
        name, node = pending.pop()
        inner = node.state if isinstance(node, Record) and isinstance(node.state, dict) else node
        if isinstance(node, Record | Mapping):
            if id(node) in entered or id(inner) in entered:
                raise ValueError(f"it holds {name[:100]} twice")
            entered |= {id(node), id(inner)}
        if not isinstance(inner, dict):
            yield name, node
            continue
        for key, value in inner.items():
            if not isinstance(key, str):
                raise ValueError(f"it has a key that is no text below {name[:100]!r}")
            pending.append((f"{name}{separator}{key}" if name else key, value))
