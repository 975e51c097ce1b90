"""What setup.cfg declares is what the packages import: each dependency once, none missing, none that nothing needs."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("lsbench", "baselines", "protocols")
NOT_IMPORTED = {
    "lpips",  # its heads are read, its code is not run
    "torchvision",  # what piq and pytorch-fid run with: a run names its version
    "tomli",  # Python from 3.11 on brings it as tomllib
}
UNLISTED = {"dlib": ["dlib-bin"]}  # modules that their distribution does not list


def declared() -> dict[str, list[str]]:
    """Names of distributions by section: `install_requires`, and the extras that users need."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    sections = {"install_requires": setup["options"]["install_requires"], **setup["options.extras_require"]}
    return {
        section: [re.split(r"[\[<>=;\s]", line)[0].lower() for line in text.split("\n") if line and "%(" not in line]
        for section, text in sections.items()
    }


def imported() -> set[str]:
    """Top-level modules that the packages import anywhere, but those of Python and their own."""
    modules: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    modules.add(node.module.partition(".")[0])
    return modules - set(sys.stdlib_module_names) - set(PACKAGES)


def test_each_dependency_is_declared_once() -> None:
    names = [name for section in declared().values() for name in section]
    assert sorted(names) == sorted(set(names))


@pytest.mark.slow
def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    sections, owners = declared(), {**packages_distributions(), **UNLISTED}
    at_run = {
        name
        for section in ("install_requires", "identity", "onnx", "visemes", "vmaf", "train")
        for name in sections[section]
    }
    needed = {name.lower() for module in imported() for name in owners.get(module, [module])}
    missing = {module for module in imported() if not at_run & {name.lower() for name in owners.get(module, [module])}}
    assert missing == set()
    assert at_run - needed <= NOT_IMPORTED
