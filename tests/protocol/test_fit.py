"""Videos of another size: what strict refuses with which advice, and what resize, pad and face make of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from frames import noisy

from lsbench.corpus.toy import render as synthetic
from lsbench.errors import AlignmentError
from lsbench.face.track import FaceTrack
from lsbench.media import looks
from lsbench.media.clip import Clip
from lsbench.media.files import find_clips, read_clip
from lsbench.media.film import Film
from lsbench.media.recode import recoded
from lsbench.protocol.fit import fitted

Toy = tuple[Clip, FaceTrack]


@pytest.fixture(scope="module")
def made() -> Toy:
    """A toy face of 120x96 px: the picture is not square."""
    clip, track = synthetic.render(1, 1, frames=12, size=120)
    landmarks = track.landmarks - np.array([0, 12], np.float32)
    return replace(clip, frames=clip.frames[:, 12:108]), replace(track, landmarks=landmarks, height=96)


def film(clip: Clip, frames: np.ndarray) -> Film:
    return Film.of(replace(clip, frames=np.ascontiguousarray(frames)))


def at_size(clip: Clip, height: int, width: int) -> Film:
    return film(clip, Film.of(clip).looked_at(looks.resized(height, width)).clip().frames)


def padded(clip: Clip, left: int, top: int, right: int, bottom: int, kind: str) -> Film:
    sides = ((0, 0), (top, bottom), (left, right), (0, 0))
    if kind == "edge":
        return film(clip, np.pad(clip.frames, sides, mode="edge"))
    return film(clip, np.pad(clip.frames, sides, constant_values={"black": 0, "grey": 128, "white": 255}[kind]))


def psnr(one: Film, other: Film) -> float:
    difference = one.clip().frames.astype(np.float64) - other.clip().frames
    return float(10 * np.log10(255**2 / max(1e-9, np.mean(difference**2))))


def test_videos_of_one_size_are_left_alone(made: Toy) -> None:
    reference = Film.of(made[0])
    for how in ("strict", "resize", "pad"):
        same = fitted(reference, reference, how)
        assert (same.generated, same.notes) == (reference, ())
        assert same.cuttings[1].of(made[1]) is made[1]


@pytest.mark.parametrize(
    ("sides", "kind", "said"),
    [
        ((0, 0, 8, 0), "black", "padding of 8 px on the right; --fit pad cuts it off"),
        ((4, 0, 4, 0), "edge", "padding of 4 px on the left and 4 px on the right; --fit pad"),
        ((0, 10, 0, 6), "white", "padding of 10 px above and 6 px below; --fit pad"),
    ],
)
def test_padding_is_named_and_cut(made: Toy, sides: tuple[int, int, int, int], kind: str, said: str) -> None:
    reference, generated = Film.of(made[0]), padded(made[0], *sides, kind)
    with pytest.raises(AlignmentError, match=r"generated \d+x\d+ px, reference 120x96 px") as refusal:
        fitted(reference, generated, "strict")
    assert said in str(refusal.value)
    fit = fitted(reference, generated, "pad")
    assert np.array_equal(fit.generated.clip().frames, made[0].frames)
    assert len(fit.notes) == 1 and fit.notes[0].startswith("padding cut off")


@pytest.mark.parametrize("kind", ["black", "grey", "white", "edge"])
@pytest.mark.parametrize("sides", [(0, 0, 8, 0), (8, 0, 0, 0), (3, 5, 5, 3), (0, 24, 0, 24)])
def test_padding_of_every_kind_goes(made: Toy, sides: tuple[int, int, int, int], kind: str) -> None:
    fit = fitted(Film.of(made[0]), padded(made[0], *sides, kind), "pad")
    assert np.array_equal(fit.generated.clip().frames, made[0].frames)


def test_dark_borders_of_the_picture_itself_stay(made: Toy) -> None:
    dark = made[0].frames.copy()
    dark[:, :, :10] = 0
    reference = film(made[0], dark)
    fit = fitted(reference, padded(reference.clip(), 8, 0, 0, 0, "black"), "pad")
    assert np.array_equal(fit.generated.clip().frames, dark)


def test_a_stretched_picture_is_not_taken_for_a_padded_one() -> None:
    """Its borders are as smooth as bars, but without them it is not the reference."""
    slope = np.broadcast_to(np.linspace(40, 200, 120).astype(np.uint8)[None, None, :, None], (12, 96, 120, 3)).copy()
    slope[:, 30:60, 40:90] = 255
    clip = Clip("a", slope, np.zeros(7680, np.float32), 25.0)
    with pytest.raises(AlignmentError, match="by a factor of 0.9"):
        fitted(Film.of(clip), at_size(clip, 96, 130), "strict")


@pytest.mark.parametrize(("bars", "size"), [((0, 240), (192, 240)), ((60, 0), (144, 180))])
def test_a_letterbox_at_another_size_is_cut_and_resized(
    made: Toy, bars: tuple[int, int], size: tuple[int, int]
) -> None:
    reference = Film.of(made[0])
    generated = padded(at_size(made[0], *size).clip(), bars[0], bars[1], bars[0], bars[1], "black")
    fit = fitted(reference, generated, "pad")
    assert fit.generated.size == reference.size
    assert psnr(fit.generated, reference) > 35
    assert [note.split()[0] for note in fit.notes] == ["padding", "generated"]
    landmarks = (made[1].landmarks + 0.5) * (size[1] / 120) - 0.5 + np.array(bars, np.float32)
    height, width = generated.size
    moved = fit.cuttings[1].of(replace(made[1], landmarks=landmarks.astype(np.float32), height=height, width=width))
    assert np.abs(moved.landmarks - made[1].landmarks).max() < 0.01


def test_where_no_bars_are_the_error_says_what_was_found(made: Toy) -> None:
    grainy = film(made[0], noisy(made[0].frames, 20))
    with pytest.raises(AlignmentError, match="--fit pad found bars of none, which is not the reference's shape"):
        fitted(grainy, at_size(grainy.clip(), 96, 150), "pad")
    letterbox = padded(at_size(grainy.clip(), 60, 120).clip(), 0, 10, 0, 10, "black")
    with pytest.raises(AlignmentError, match="10 px above and 10 px below; without them it is 120x60"):
        fitted(grainy, letterbox, "pad")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((48, 60), "the same shape at another size; --fit resize brings it to 120x96"),
        ((64, 64), "another shape, square: a crop of the face. --fit face compares the faces"),
        ((96, 142), "another shape, by a factor of 0.845 .*--fit resize stretches it to 120x96"),
    ],
)
def test_the_likely_cause_is_named(made: Toy, size: tuple[int, int], said: str) -> None:
    with pytest.raises(AlignmentError, match=said):
        fitted(Film.of(made[0]), at_size(made[0], *size), "strict")


def test_pixels_that_are_square_on_one_side_alone_are_named(made: Toy) -> None:
    square = "pixels of 16:11 made square: 98x96 is read as 142x96"
    wide = replace(at_size(made[0], 96, 142), notes=(square,))
    with pytest.raises(AlignmentError, match=f"by a factor of 0.845 .generated: {square}.; --fit resize"):
        fitted(Film.of(made[0]), wide, "strict")
    with pytest.raises(AlignmentError, match="a pixel aspect ratio that was lost"):
        fitted(replace(Film.of(made[0]), notes=(square,)), wide, "strict")


def test_resizing_keeps_the_picture_and_the_face(made: Toy) -> None:
    reference, generated = Film.of(made[0]), at_size(made[0], 192, 240)
    fit = fitted(reference, generated, "resize")
    assert psnr(fit.generated, reference) > 40
    assert fit.notes == ("generated frames resized from 240x192 to the reference's 120x96 (bicubic, antialiased)",)
    larger = replace(made[1], landmarks=(made[1].landmarks + 0.5) * 2 - 0.5, height=192, width=240)
    assert np.abs(fit.cuttings[1].of(larger).landmarks - made[1].landmarks).max() < 0.01


def test_frames_that_get_smaller_are_filtered(made: Toy) -> None:
    stripes = np.zeros((12, 384, 480, 3), np.uint8)
    stripes[:, :, ::2] = 255
    fit = fitted(Film.of(made[0]), film(made[0], stripes), "resize")
    inner = fit.generated.clip().frames[:, 4:-4, 4:-4].astype(int)
    assert np.abs(inner - 127.5).max() < 6  # without a filter they would be 0 or 255


def test_a_changed_shape_is_said(made: Toy) -> None:
    fit = fitted(Film.of(made[0]), at_size(made[0], 96, 142), "resize")
    assert "which changes their shape" in fit.notes[0]


def face_crop(made: Toy, left: int, top: int, side: int, size: int) -> tuple[Film, FaceTrack]:
    """A square of the picture at another size, and the face in it."""
    cut = Film.of(made[0]).looked_at(looks.cut(top, left, side, side)).looked_at(looks.resized(size, size))
    landmarks = (made[1].landmarks + 0.5 - np.array([left, top])) * (size / side) - 0.5
    return film(made[0], cut.clip().frames), replace(
        made[1], landmarks=landmarks.astype(np.float32), height=size, width=size
    )


@pytest.mark.parametrize("size", [160, 80, 56])
def test_faces_are_brought_to_one_crop(made: Toy, size: int) -> None:
    generated, track = face_crop(made, 20, 8, 80, size)
    fit = fitted(Film.of(made[0]), generated, "face", (made[1], track))
    assert fit.reference.size == fit.generated.size
    assert psnr(fit.generated, fit.reference) > (30 if size < 80 else 34)
    one, other = (cutting.of(own) for cutting, own in zip(fit.cuttings, (made[1], track), strict=True))
    assert np.abs(one.landmarks - other.landmarks).max() < 0.05
    assert (one.height, one.width) == fit.reference.size


def test_a_mouth_that_is_elsewhere_moves_no_crop(made: Toy) -> None:
    generated, track = face_crop(made, 20, 8, 80, 160)
    landmarks = track.landmarks.copy()
    landmarks[:, :76] += 9  # all but the eye corners
    spoilt = fitted(Film.of(made[0]), generated, "face", (made[1], replace(track, landmarks=landmarks)))
    plain = fitted(Film.of(made[0]), generated, "face", (made[1], track))
    assert np.array_equal(spoilt.generated.clip().frames, plain.generated.clip().frames)


def test_only_what_both_show_is_compared(made: Toy) -> None:
    generated, track = face_crop(made, 20, 30, 66, 132)  # without the forehead
    fit = fitted(Film.of(made[0]), generated, "face", (made[1], track))
    whole, part = fitted(Film.of(made[0]), Film.of(made[0]), "face", (made[1], made[1])), fit.reference.size
    assert part[0] < whole.reference.size[0]
    assert "the generated frames show" in fit.notes[1]
    assert psnr(fit.generated, fit.reference) > 34


def test_a_crop_without_the_mouth_is_refused(made: Toy) -> None:
    generated, track = face_crop(made, 20, 0, 52, 104)
    with pytest.raises(AlignmentError, match="do not show the mouth in every frame"):
        fitted(Film.of(made[0]), generated, "face", (made[1], track))


def test_faces_follow_a_head_that_moves(made: Toy) -> None:
    """The picture moves by a pixel a frame; the generated crop stands still."""
    moved = np.stack([np.roll(frame, place - 6, axis=1) for place, frame in enumerate(made[0].frames)])
    step = (np.arange(12) - 6)[:, None, None] * np.array([1, 0])
    reference = film(made[0], moved)
    track = replace(made[1], landmarks=(made[1].landmarks + step).astype(np.float32))
    generated, own = face_crop(made, 20, 8, 80, 160)
    fit = fitted(reference, generated, "face", (track, own))
    assert psnr(fit.generated, fit.reference) > 30


@pytest.mark.slow
@pytest.mark.parametrize("sides", [(0, 0, 8, 0), (4, 2, 4, 6), (0, 0, 0, 16)])
def test_padding_of_real_clips_after_a_codec(grid: Path, sides: tuple[int, int, int, int]) -> None:
    for number, (clip_id, source) in enumerate(find_clips(grid).items()):
        if number % 14:
            continue
        clip = read_clip(source, clip_id).cut(0, 10)
        for kind in ("black", "grey", "edge"):
            encoded = film(clip, recoded(padded(clip, *sides, kind).clip().frames, clip.fps, 22))
            fit = fitted(Film.of(clip), encoded, "pad")
            assert len(fit.notes) == 1 and psnr(fit.generated, Film.of(clip)) > 32, (clip_id, kind)
        stretched = Film.of(clip).looked_at(looks.resized(288, 368)).clip()
        with pytest.raises(AlignmentError, match="another shape, by a factor"):
            fitted(Film.of(clip), Film.of(stretched), "strict")
