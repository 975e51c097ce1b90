"""Which of two faces is scored, and by how many frames: --face, and a protocol's faceless, in whole runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lsbench
from lsbench.errors import FaceError, LsbenchError, ProtocolError, WeightsError
from lsbench.face.tracker import FaceTracker
from lsbench.media.encode import write_clip
from lsbench.media.files import read_clip
from lsbench.networks import weights
from lsbench.protocol import protocol
from lsbench.protocol.context import Context

FRAMES = 15


@pytest.fixture(scope="module")
def videos(grid: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two speakers side by side; and the same with the mouth of the one on the right turned upside down."""
    try:
        FaceTracker(*weights.require("face_landmarker"))
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")
    folder = tmp_path_factory.mktemp("two")
    left, right = (read_clip(grid / f"{name}.mpg", name).cut(0, FRAMES) for name in ("s4/bbae9n", "s26/bgbsza"))
    frames = np.concatenate([left.frames, right.frames], axis=2)
    spoilt = frames.copy()
    spoilt[:, 180:240, 480:600] = spoilt[:, 180:240, 480:600][:, ::-1]
    paths = folder / "real.mkv", folder / "made.mkv"
    for path, pictures in zip(paths, (frames, spoilt), strict=True):
        write_clip(path, pictures, left.speech, 25.0)
    return paths


@pytest.mark.slow
def test_the_face_that_is_named_is_scored(videos: tuple[Path, Path]) -> None:
    real, made = videos
    scores = {}
    for face in ("left", "right", "0.8,0.5"):
        result = lsbench.score(made, reference=real, face=face, metrics=["psnr"], regions=["mouth"])
        scores[face] = result["psnr/mouth"]
        assert result.protocol["face"] == face
        assert any("2 faces in frames 0-14" in note for notes in result.notes.values() for note in notes)
    assert scores["left"] > 45 > 30 > scores["right"]
    assert scores["0.8,0.5"] == scores["right"]


def test_the_rule_is_part_of_the_protocol(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = 'name = "mine"\nversion = "1"\nface = "{}"\n[select]\nspeakers = ["s1"]\n'
    file.write_text(text.format("right"))
    mine = protocol.load(str(file))
    assert mine.rules["face"] == "right"
    assert "face" not in replace(mine, face="largest").rules
    context = Context(mine, FaceTracker(tmp_path, "0" * 64))
    assert context.tracker == FaceTracker(tmp_path, "0" * 64, "right")
    file.write_text(text.format("biggest"))
    with pytest.raises(ProtocolError, match=r"mine\.toml: face 'biggest'; expected largest, left, right, or x,y"):
        protocol.load(str(file))


def test_a_protocol_of_its_own_rule_allows_no_other(tmp_path: Path) -> None:
    with pytest.raises(LsbenchError, match="protocol grid-test: --face left; it says face = largest"):
        lsbench.score(tmp_path, protocol="grid-test", data=tmp_path, face="left")
    with pytest.raises(FaceError, match="face 'middle'; expected"):
        lsbench.score(tmp_path, reference=tmp_path, face="middle")
