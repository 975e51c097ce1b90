"""A generator is parsed once, at the door, and a user's own modules never stand in for what lsbench imports."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lsbench
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import GeneratorError
from lsbench.generation.generator import Generator
from lsbench.generation.source import Source, parse
from lsbench.media.clip import Clip

SCORE = """
import sys, lsbench
if __name__ == "__main__":
    result = lsbench.score(sys.argv[1], reference="real", metrics=["psnr"], workers=int(sys.argv[2]), name="run")
    import pandas
    print(result.complete, pandas.__version__ != "mine")
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder of a user's, with clips, a model, and files that bear the names of packages."""
    write_corpus(tmp_path / "real", speakers=1, clips=2, frames=6, size=64)
    for name in ("pandas", "numpy", "av", "torch"):
        (tmp_path / f"{name}.py").write_text("__version__ = 'mine'\nraise RuntimeError('imported from the folder')\n")
    (tmp_path / "helper_of_mymodel.py").write_text("def same(frames): return frames\n")
    (tmp_path / "mymodel.py").write_text(
        "from helper_of_mymodel import same\ndef copy(face, speech): return same(face.frames)\n"
    )
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(("generated", "workers"), [("real", 1), ("late", 1), ("py:mymodel:copy", 1), ("late", 2)])
def test_a_users_files_do_not_stand_in_for_packages(work: Path, generated: str, workers: int) -> None:
    """Not of a folder of videos, not of a registered generator, not of the user's own; nor in a worker."""
    script = work / "elsewhere" / "score.py"
    script.parent.mkdir()
    script.write_text(SCORE)
    command = [sys.executable, str(script), generated, str(workers)]
    root = str(Path(lsbench.__file__).parents[1])
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": root})
    assert done.stdout.strip() == "True True", done.stderr


@pytest.fixture
def path() -> Iterator[list[str]]:
    before = list(sys.path)
    yield before
    sys.path[:] = before


def test_only_py_touches_the_path(work: Path, path: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work)
    for text in ("real", "late", "compressed", f"cmd:{sys.executable} x {{video}} {{output}}"):
        parse(text)
        assert sys.path == path
    parse("py:mymodel:copy")
    assert sys.path == path  # at its end, and while it is imported alone: it stands in for nothing


def test_a_file_that_has_the_name_of_a_module_in_use_is_named(
    work: Path, path: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work)
    (work / "json.py").write_text("def copy(face, speech): return face.frames\n")
    with pytest.raises(GeneratorError, match=r"json\.py has the name of a module that is in use .*; rename it"):
        parse("py:json:copy")


def test_a_file_goes_before_an_installed_module_that_nobody_uses(
    work: Path, path: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work)
    (work / "site").mkdir()
    (work / "site/wav2lips.py").write_text("raise RuntimeError('the installed one')\n")
    monkeypatch.syspath_prepend(work / "site")
    (work / "wav2lips.py").write_text("def copy(face, speech): return face.frames\n")
    source = parse("py:wav2lips:copy")
    assert isinstance(source, Source) and source.label == "wav2lips-copy"
    del sys.modules["wav2lips"]


@pytest.mark.parametrize("name", ["this", "tensorboard", "dlib"])
def test_a_file_that_has_the_name_of_a_module_that_lsbench_needs_is_named(
    work: Path, path: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(work)
    monkeypatch.delitem(sys.modules, name, raising=False)
    (work / f"{name}.py").write_text("def copy(face, speech): return face.frames\n")
    with pytest.raises(GeneratorError, match=rf"{name}\.py has the name of a module that lsbench needs; rename it"):
        parse(f"py:{name}:copy")


def test_what_is_imported_late_is_found_while_a_generator_is_made_and_at_work(
    work: Path, path: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work)
    (work / "late_help.py").write_text("")
    (work / "lazy.py").write_text("def copy(face, speech):\n    import late_help\n    return face.frames\n")
    assert lsbench.score("py:lazy:copy", reference=work / "real", metrics=["psnr"]).complete
    assert sys.path == path
    for name in ("lazy", "late_help"):
        del sys.modules[name]


class Still(Generator):
    """Holds the first frame."""

    def render(self, face: Clip, speech: np.ndarray, track: object) -> np.ndarray:
        return np.repeat(face.frames[:1], len(face), axis=0)


def hold(face: Clip, speech: np.ndarray) -> np.ndarray:
    return np.repeat(face.frames[:1], len(face), axis=0)


@pytest.mark.parametrize("made", [Still(), Still, hold])
def test_a_python_object_is_a_generator_as_it_is(work: Path, made: Any) -> None:
    options: dict[str, Any] = {"reference": work / "real", "metrics": ["psnr"]}
    result = lsbench.score(made, out=work / "runs", **options)
    assert result.complete and result.name in ("Still", "hold")
    spelled = lsbench.score(made, out=work / "again", name=result.name, **options)
    assert spelled["psnr/mouth"] == result["psnr/mouth"]


def test_what_cannot_be_sent_to_other_processes_is_named(work: Path) -> None:
    options: dict[str, Any] = {"reference": work / "real", "metrics": ["psnr"], "name": "run"}
    assert lsbench.score(lambda face, _: face.frames, **options).complete
    with pytest.raises(GeneratorError, match="cannot be sent to other processes .*; pass workers=1"):
        lsbench.score(lambda face, _: face.frames, workers=2, **options)
    with pytest.raises(GeneratorError, match="cannot be called"):
        lsbench.score(5, **options)  # type: ignore[arg-type]


def test_a_source_travels_and_says_what_it_is(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = parse("swapped-audio")
    assert isinstance(swapped, Source) and swapped.swaps_sound and swapped.sees_answer and not swapped.needs_track
    late = pickle.loads(pickle.dumps(parse("late")))
    assert late.needs_track and late.sees_answer and late.signature["generator"] == "late"
    assert parse(work / "real") == work / "real"
