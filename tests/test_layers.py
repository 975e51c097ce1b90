"""The house's layers: imports point strictly downward, and the front door imports little."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up: a module may import those of the lines above it, and those before it on its own line.
LAYERS = """
    errors direction clip stats influence statistics
    cache locks learner metric registry download weights encode decode media face face_crops audio lipgan_audio pool
    ranks manifest protocol_file protocol results networks
    patches align identity standins artifacts generator generators rendering metrics corpus
    leakage learning requirements measure folding meeting campaign evaluate anchors comparable evidence opinions quotes
    verdict leaderboard compare summary bundle verify audit
    report mos
    verbs cli_audit cli_board cli_bundle cli_mos_read cli_mos cli_prepare cli_protocols cli_report cli_train cli_weights
    cli __main__
"""
ORDER = {name: place for place, name in enumerate(LAYERS.split())}


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
    if mine == "__init__":
        return
    for name in imported(ast.parse(path.read_text())):
        assert name.split(".")[0] not in ("baselines", "protocols", "tests"), f"{path}: imports {name}"
        parts = name.split(".")
        if parts[0] == "lsbench" and len(parts) > 1 and parts[1] in ORDER and parts[1] != mine:
            assert ORDER[parts[1]] < ORDER[mine], f"{path}: {mine} imports {parts[1]}"


def test_every_module_has_a_layer() -> None:
    assert {module_of(path) for path in FILES} - {"__init__"} <= set(ORDER)


def test_baselines_stand_above_lsbench() -> None:
    for path in (ROOT / "baselines").rglob("*.py"):
        modules = {name.split(".")[1] for name in imported(ast.parse(path.read_text())) if name.startswith("lsbench.")}
        assert not {name for name in modules if name == "cli" or name.startswith("cli_")}


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
