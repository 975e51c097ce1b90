"""The rooms of lsbench and who imports whom, read from the source: `python tests/support/house.py [ROOT]` counts them.

A room is a folder or a file directly in lsbench/. An import counts wherever in a file it stands, except for types only
(`if TYPE_CHECKING:`), which is never carried out.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
Graph = Mapping[str, set[str]]  # name -> the names that it imports


@dataclass(frozen=True)
class House:
    """The .py files of a package by module name, and their imports of each other."""

    files: Mapping[str, Path]
    imports: Graph

    @classmethod
    def read(cls, root: Path = ROOT, packages: Iterable[str] = ("lsbench", "baselines")) -> House:
        """Every module below the packages in root."""
        files = {_module(path.relative_to(root)): path for name in packages for path in (root / name).rglob("*.py")}
        parsed = {name: set(_imported(path, name, files)) for name, path in files.items()}
        return cls(files, {name: targets - {name} for name, targets in parsed.items()})

    def within(self, package: str) -> Graph:
        """The imports among the files of one package, without its front door (`__init__`, `__main__`)."""
        inside = {name for name in self.files if name.startswith(f"{package}.") and name != f"{package}.__main__"}
        return {name: self.imports[name] & inside for name in sorted(inside)}

    def rooms(self) -> Graph:
        """The imports among the rooms of lsbench."""
        graph: dict[str, set[str]] = {}
        for name, targets in self.within("lsbench").items():
            graph.setdefault(room(name), set()).update(map(room, targets))
        return {name: targets - {name} for name, targets in graph.items()}


def room(module: str) -> str:
    """`metrics` of `lsbench.metrics._base.pair`."""
    return module.split(".")[1]


def circle(graph: Graph) -> list[str]:
    """Names that import each other in a circle; empty where there are none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def levels(graph: Graph) -> int:
    """How many names the longest chain of imports has, in a graph without circles."""

    @functools.cache
    def height(name: str) -> int:
        return 1 + max(map(height, graph[name]), default=0)

    return max(map(height, graph))


def edges(graph: Graph) -> int:
    """How many pairs there are of a name and one that it imports."""
    return sum(map(len, graph.values()))


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path, module: str, files: Mapping[str, Path]) -> Iterator[str]:
    """The files among `files` that a file imports; a package's own file counts only where a name comes from it."""
    for node in _carried_out(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in files:
                    yield inner
                elif node.module in files:
                    yield node.module


def _carried_out(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under `if TYPE_CHECKING:`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _carried_out(node)


def _line(title: str, graph: Graph) -> str:
    found = circle(graph)
    depth = f"a circle: {' -> '.join(found)}" if found else f"{levels(graph)} levels"
    return f"{title}: {len(graph)}, {edges(graph)} imports, {depth}"


def main(root: Path = ROOT) -> None:
    """Print the counts of the house at root."""
    house = House.read(root)
    print(f"files at the top of lsbench/: {len(list((root / 'lsbench').glob('*.py')))}")
    print(_line("rooms", house.rooms()))
    print(_line("files of lsbench", house.within("lsbench")))
    print(_line("files of baselines", house.within("baselines")))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
