"""The rooms of the baselines: imports point downward, files import each other in no circle, `_names` stay at home."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from lsbench import registry

ROOT = Path(__file__).parents[2]
ROOMS = ("blocks", "lipgan", "l1wgangp", "training", "generator")  # from the ground up
FILES = sorted((ROOT / "baselines").rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in FILES}


def imports(path: Path) -> set[str]:
    """The files of the baselines that a file imports."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("baselines"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                modules.add(inner if inner in MODULES else node.module)
    return modules


def test_a_room_imports_only_rooms_below_it() -> None:
    for name, path in MODULES.items():
        for imported in imports(path):
            mine, theirs = (ROOMS.index(module.split(".")[1]) for module in (name, imported))
            assert theirs <= mine, f"{name} imports {imported}"


def test_no_file_imports_itself_by_way_of_others() -> None:
    graph = {name: imports(path) for name, path in MODULES.items()}
    assert sum(map(len, graph.values())) > 50
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_names_with_an_underscore_are_used_in_their_own_file_only() -> None:
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                private = [alias.name for alias in node.names if re.match(r"_[a-z]", alias.name)]
                assert not private, f"{name} imports {private}"


def test_the_registry_names_what_is_there() -> None:
    targets = [*registry.TRAINING.values(), *registry.GENERATORS.values()]
    assert sum(target.startswith("baselines.") for target in targets) == 8
    for target in targets:
        assert registry.load(target) is not None
