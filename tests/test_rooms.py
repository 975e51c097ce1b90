"""The house's rooms: imports point strictly downward and in no circle, and the front door imports little."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import house
import pytest

# From the ground up: a room may import those before it.
ROOMS = (
    *(
        "errors",
        "registry",
        "system",
        "speech",
        "media",
        "face",
        "statistics",
        "networks",
        "metrics",
        "protocol",
        "generation",
    ),
    *("corpus", "run", "board", "auditing", "report", "mos", "cli"),
)
DOORS = {"__init__", "__main__"}
# What an author of metrics imports, and every room that names a metric: private in its name only.
SHARED = "lsbench.metrics._base"


@pytest.fixture(scope="module")
def built() -> house.House:
    return house.House.read()


def test_every_file_is_in_a_room(built: house.House) -> None:
    assert {house.room(name) for name in built.files if name.startswith("lsbench.")} - DOORS == set(ROOMS)


def test_four_files_are_at_the_top() -> None:
    top = {path.name for path in (house.ROOT / "lsbench").glob("*.py")}
    assert top == {"__init__.py", "__main__.py", "errors.py", "registry.py"}


def test_a_room_imports_only_rooms_below_it(built: house.House) -> None:
    for name, targets in built.within("lsbench").items():
        for target in targets:
            mine, theirs = house.room(name), house.room(target)
            assert ROOMS.index(theirs) <= ROOMS.index(mine), f"{name} imports {target}"


@pytest.mark.parametrize("package", ["lsbench", "baselines"])
def test_no_file_imports_itself_by_way_of_others(built: house.House, package: str) -> None:
    graph = built.within(package)
    assert house.edges(graph) > 50
    assert house.circle(graph) == []


def test_a_room_with_an_underscore_is_private_to_its_parent(built: house.House) -> None:
    for name, targets in built.imports.items():
        for target in targets:
            parent, separator, _ = target.partition("._")
            if separator and not target.startswith(SHARED):
                assert f"{name}.".startswith(f"{parent}."), f"{name} imports {target}"


def test_baselines_stand_between_lsbench_and_its_command_line(built: house.House) -> None:
    for name, targets in built.imports.items():
        below = "baselines." if name.startswith("lsbench.") else "lsbench.cli."
        assert not [target for target in targets if target.startswith(below)], name


def test_the_measures_of_the_house_are_those_of_its_graph() -> None:
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set[str](), "d": {"c"}}
    assert (house.edges(graph), house.levels(graph), house.circle(graph)) == (4, 3, [])
    assert set(house.circle(graph | {"c": {"a"}})) >= {"a", "c"}


@pytest.mark.parametrize("arguments", [["--help"], ["leaderboard", "--help"], ["score", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from lsbench.cli.main import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'numba', 'pandas', 'numpy', 'mediapipe', 'av') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_leaderboard_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from lsbench.cli.main import main\n"
        f"try: main(['leaderboard', {str(tmp_path)!r}])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'numba', 'pandas', 'mediapipe', 'av') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
