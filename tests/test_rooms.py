"""The house's rooms: imports point strictly downward, and the front door imports little."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up: a room may import those before it, and `_rooms` are private to their parent.
ROOMS = (
    *("errors", "registry", "system", "media", "face", "statistics", "networks", "metrics", "protocol", "generation"),
    *("corpus", "run", "board", "auditing", "report", "mos", "cli"),
)
ORDER = {name: place for place, name in enumerate(ROOMS)}


def module_of(path: Path) -> str:
    return path.relative_to(ROOT / "lsbench").parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> set[str]:
    """First parts below `lsbench` of everything that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


FILES = sorted((ROOT / "lsbench").rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downward(path: Path) -> None:
    mine = module_of(path)
    if mine in ("__init__", "__main__"):
        return
    for name in imported(ast.parse(path.read_text())):
        assert name.split(".")[0] not in ("baselines", "protocols", "tests"), f"{path}: imports {name}"
        parts = name.split(".")
        if parts[0] == "lsbench" and len(parts) > 1 and parts[1] in ORDER and parts[1] != mine:
            assert ORDER[parts[1]] < ORDER[mine], f"{path}: {mine} imports {parts[1]}"


def test_every_file_is_in_a_room() -> None:
    assert {module_of(path) for path in FILES} - {"__init__", "__main__"} == set(ORDER)


def test_baselines_stand_above_lsbench() -> None:
    for path in (ROOT / "baselines").rglob("*.py"):
        modules = {name.split(".")[1] for name in imported(ast.parse(path.read_text())) if name.startswith("lsbench.")}
        assert "cli" not in modules


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
