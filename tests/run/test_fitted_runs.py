"""Scoring videos of another size, rate and length from end to end: the options, their signature, their notes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lsbench
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import AlignmentError, LsbenchError, ProtocolError
from lsbench.media import looks
from lsbench.media.clip import Clip
from lsbench.media.files import find_clips, read_clip, write_clip
from lsbench.media.film import Film
from lsbench.protocol import protocol
from lsbench.run.folder import Run
from lsbench.run.needs import untrue


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit") / "reference"
    write_corpus(folder, speakers=1, clips=2, frames=30, size=96)
    return folder


def remade(reference: Path, folder: Path, change: Callable[[Clip], Clip]) -> Path:
    """Every reference clip, changed, without loss."""
    for clip_id, source in find_clips(reference).items():
        clip = change(read_clip(source, clip_id))
        write_clip(folder / f"{clip_id}.mkv", clip.frames, clip.speech, clip.fps)
    return folder


def resized(height: int, width: int) -> Callable[[Clip], Clip]:
    return lambda clip: Film.of(clip).looked_at(looks.resized(height, width)).clip()


def padded(clip: Clip) -> Clip:
    return replace(clip, frames=np.pad(clip.frames, ((0, 0), (0, 0), (0, 8), (0, 0))))


def faster(clip: Clip) -> Clip:
    return replace(clip, frames=np.repeat(clip.frames, 2, axis=0), fps=50.0)


@pytest.mark.parametrize(
    ("change", "options", "refusal", "note", "least"),
    [
        (resized(192, 192), {"fit": "resize"}, "--fit resize brings it to 96x96", "resized from 192x192", 38),
        (padded, {"fit": "pad"}, "8 px on the right; --fit pad", "padding cut off", 90),
        (faster, {"rate": "resample"}, "50 frames a second, reference 25; --rate resample", "taken at the", 90),
    ],
)
def test_the_advice_of_a_refusal_can_be_followed(
    reference: Path,
    tmp_path: Path,
    change: Callable[[Clip], Clip],
    options: dict[str, Any],
    refusal: str,
    note: str,
    least: float,
) -> None:
    generated = remade(reference, tmp_path / "made", change)
    arguments: dict[str, Any] = {"reference": reference, "metrics": ["psnr"], "regions": ["whole", "mouth"]}
    with pytest.raises(AlignmentError, match=refusal):
        lsbench.score(generated, **arguments)
    result = lsbench.score(generated, **arguments, **options, out=tmp_path / "runs")
    assert result.complete and result["psnr/whole"] >= least and result["psnr/mouth"] >= least
    assert all(any(note in line for line in lines) for lines in result.notes.values()) and len(result.notes) == 2
    (name, value), *_ = options.items()
    assert Run.of(result).conditions.protocol[name] == value
    assert ("fit_method" in result.protocol) == (name == "fit")
    assert result.protocol["digest"] != protocol.from_folder(reference).digest


def test_rules_at_their_defaults_are_no_part_of_a_digest(reference: Path) -> None:
    folder = protocol.from_folder(reference)
    assert not {"fit", "rate", "fit_method"} & folder.rules.keys()
    digests = {replace(folder, fit=fit).digest for fit in ("strict", "resize", "pad", "face")}
    assert len(digests) == 4 and folder.digest in digests
    assert protocol.recall(protocol.describe(replace(folder, fit="pad", rate="resample"))).rate == "resample"


def test_a_protocol_says_what_it_allows(reference: Path, tmp_path: Path) -> None:
    strict = replace(protocol.from_folder(reference), name="mine")
    for option, value in (("fit", "resize"), ("rate", "resample")):
        with pytest.raises(ProtocolError, match=f"protocol mine: --{option} {value}; it says {option} = strict"):
            lsbench.score(reference, protocol=strict, **{option: value})  # type: ignore[arg-type]
    loose = replace(strict, fit="resize")
    generated = remade(reference, tmp_path / "made", resized(48, 48))
    with pytest.raises(AlignmentError, match="But protocol mine says fit = strict, rate = strict"):
        lsbench.score(generated, protocol=strict, metrics=["psnr"])
    assert lsbench.score(generated, protocol=loose, metrics=["psnr"], regions=["whole"]).complete
    assert lsbench.score(generated, protocol=loose, fit="resize", metrics=["psnr"], regions=["whole"]).complete


def test_a_protocol_file_has_the_rules(tmp_path: Path) -> None:
    text = 'name = "a"\nversion = "1"\nfit = "face"\nrate = "resample"\n[select]\nspeakers = ["t1"]\n'
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    read = protocol.load(str(tmp_path / "a.toml"))
    assert (read.fit, read.rate) == ("face", "resample")
    (tmp_path / "b.toml").write_text(text.replace("face", "crop"), encoding="utf-8")
    with pytest.raises(ProtocolError, match="fit = 'crop'; expected one of strict, resize, pad, face"):
        protocol.load(str(tmp_path / "b.toml"))


def test_unknown_choices_are_named(reference: Path) -> None:
    with pytest.raises(LsbenchError, match="unknown fit 'rezise'; did you mean resize"):
        lsbench.score(reference, reference=reference, fit="rezise")  # type: ignore[arg-type]


def test_trimming_has_no_lower_bound_but_five_frames(reference: Path, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"reference": reference, "metrics": ["psnr"], "regions": ["whole"]}
    short = remade(reference, tmp_path / "short", lambda clip: clip.cut(0, 6))
    with pytest.raises(AlignmentError, match="--align trim, which compares the first 6, or --align lag"):
        lsbench.score(short, **arguments)
    result = lsbench.score(short, align="trim", **arguments)
    assert (result.compared_frames, result.reference_frames, result.share) == (12, 60, 0.2)
    shorter = remade(reference, tmp_path / "shorter", lambda clip: clip.cut(0, 4))
    with pytest.raises(AlignmentError, match="only 4 can be compared; expected at least 5"):
        lsbench.score(shorter, align="trim", **arguments)


def test_a_result_that_starts_its_source_again_is_compared_as_far_as_that_goes(reference: Path, tmp_path: Path) -> None:
    def again(clip: Clip) -> Clip:
        return replace(clip, frames=np.concatenate([clip.frames, clip.frames[:9]]))

    longer = remade(reference, tmp_path / "longer", again)
    result = lsbench.score(longer, reference=reference, align="trim", metrics=["psnr"], regions=["whole"])
    assert result.share == 1 and result["psnr/whole"] > 90
    assert result.notes["t1/a0"] == ["generated: the last 9 of 39 frames lie beyond the reference"]


def test_one_refusal_names_all_that_is_needed(reference: Path, tmp_path: Path) -> None:
    generated = remade(reference, tmp_path / "made", lambda clip: resized(48, 48)(clip.cut(0, 12)))
    arguments: dict[str, Any] = {"reference": reference, "metrics": ["psnr"], "regions": ["whole"]}
    with pytest.raises(AlignmentError, match=r"--fit resize .*12 frames of the reference's 30; --align trim compares"):
        lsbench.score(generated, **arguments)
    assert lsbench.score(generated, fit="resize", align="trim", **arguments).complete


def test_one_refusal_names_three_options_that_are_needed_together(reference: Path, tmp_path: Path) -> None:
    def otherwise(clip: Clip) -> Clip:
        return faster(resized(48, 48)(clip.cut(0, 12)))

    generated = remade(reference, tmp_path / "made", otherwise)
    arguments: dict[str, Any] = {"reference": reference, "metrics": ["psnr"], "regions": ["whole"]}
    with pytest.raises(AlignmentError) as refusal:
        lsbench.score(generated, **arguments)
    _, _, named = str(refusal.value).partition("All that is needed at once: ")
    options = dict(re.findall(r"--(\w+) (\w+)", named))
    assert options == {"rate": "resample", "fit": "resize", "align": "trim"}
    assert lsbench.score(generated, **arguments, **options).complete  # type: ignore[arg-type]
    with pytest.raises(AlignmentError) as refusal:
        lsbench.score(generated, **arguments, rate="resample", fit="resize")
    assert "at once" not in str(refusal.value)  # one is enough


def test_a_slip_is_noted(reference: Path, tmp_path: Path) -> None:
    def slipped(clip: Clip) -> Clip:
        return replace(clip, frames=clip.frames[np.r_[:15, 16:30, 29]])

    generated = remade(reference, tmp_path / "made", slipped)
    result = lsbench.score(generated, reference=reference, metrics=["psnr"], regions=["whole"])
    assert {clip: [line[:34] for line in lines] for clip, lines in result.notes.items()} == {
        clip: ["generated: 1 frame lost at about f"] for clip in ("t1/a0", "t1/a1")
    }
    whole = remade(reference, tmp_path / "whole", lambda clip: clip)
    assert not lsbench.score(whole, reference=reference, metrics=["psnr"], regions=["whole"]).notes


def test_with_faces_alone_whole_frames_are_not_measured(reference: Path) -> None:
    faces = replace(protocol.from_folder(reference), fit="face")
    metrics = [lsbench.metric(spec) for spec in ("psnr/whole", "psnr/mouth", "psnr/face", "seam", "lmd", "lse_c")]
    said = untrue(metrics, faces)
    assert sorted(said) == ["lse_c", "psnr/whole", "seam"]
    assert set(said.values()) == {"--fit face compares the faces alone, and it looks at more of the frames"}


@pytest.mark.slow
def test_real_face_crops(grid: Path, tmp_path: Path) -> None:
    """A square around the face, at another size: faces and mouths are measured, and landmarks hardly differ."""
    reference, made = tmp_path / "reference", tmp_path / "made"
    source = sorted(find_clips(grid).items())[0][1]
    shutil.copytree(source.parent, reference / "s1", ignore=lambda _, names: [n for n in names if n != source.name])

    def cropped(clip: Clip) -> Clip:
        return Film.of(clip).looked_at(looks.cut(60, 80, 200, 200)).looked_at(looks.resized(256, 256)).clip()

    remade(reference, made, cropped)
    arguments: dict[str, Any] = {"reference": reference, "metrics": ["psnr", "lmd"], "offline": True}
    with pytest.raises(AlignmentError, match="square: a crop of the face. --fit face"):
        lsbench.score(made, **arguments)
    result = lsbench.score(made, fit="face", **arguments)
    assert sorted(result.scores) == ["lmd", "psnr/face", "psnr/mouth"]
    assert result["psnr/face"] > 30 and result["psnr/mouth"] > 30 and result["lmd"] < 0.02
