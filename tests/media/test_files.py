"""Reading and writing clips: every container, every way a file can be bad, time stamps, sound, round trips.

The clips are made here. Real ones come from ../shared/grid-mini, beside the repository, where it is there.
"""

from __future__ import annotations

import hashlib
import struct
import unicodedata
import wave
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from exact import alike
from exact import pictures as pictures_of
from PIL import Image
from scipy.signal import correlate

from lsbench.errors import MediaError
from lsbench.media.files import content_sha256, find_clips, read_clip, read_film, write_clip

RATE = 16000
GRID = Path(__file__).parents[3] / "shared" / "grid-mini"
CODECS = {  # container -> video codec, its pixels, sound codec, sound rate
    "mp4": ("libx264", "yuv420p", "aac", 16000),
    "mov": ("libx264", "yuv420p", "aac", 44100),
    "mkv": ("libx264", "yuv420p", "pcm_s16le", 16000),
    "webm": ("libvpx", "yuv420p", "libopus", 48000),
    "avi": ("mpeg4", "yuv420p", "pcm_s16le", 22050),
    "mpg": ("mpeg1video", "yuv420p", "mp2", 44100),
}


def pictures(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A bright bar that walks over a ramp: uint8 (T, H, W, 3), every frame another."""
    ramp = np.linspace(20, 120, width) + np.linspace(0, 60, height)[:, None]
    frames = np.repeat(np.repeat(ramp[None, :, :, None], 3, axis=3), count, axis=0).astype(np.uint8)
    for index in range(count):
        left = (3 * index) % (width - 8)
        frames[index, :, left : left + 8] = (250, 40 + index, 30)
    return frames


def noise(seconds: float, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Smooth noise with a soft start and end: float32 (N,), peak 0.5."""
    if not seconds:
        return np.empty(0, np.float32)
    white = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    smooth = np.convolve(white, np.hanning(max(3, rate // 2000)), "same")
    return (0.5 * smooth / np.abs(smooth).max()).astype(np.float32)


def sound_frame(channels: np.ndarray, format: str, layout: str, rate: int, pts: int = 0) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), format=format, layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, pts, Fraction(1, rate)
    return frame


def render(
    path: Path,
    pts: list[int],
    *,
    fps: Fraction | int = 25,
    speech: np.ndarray | None = None,
    speech_pts: int = 0,
    codec: str | None = None,
    sound: tuple[str, int] | None = None,
    time_base: Fraction | None = None,
    rotation: int = 0,
    options: dict[str, str] | None = None,
    size: tuple[int, int] = (48, 64),
) -> Path:
    """Write a clip with plain PyAV: frame i of pictures() at pts[i] (in frames, or in time_base), equal channels."""
    video_codec, pixels, *usual = CODECS[path.suffix[1:]]
    sound_codec, rate = sound or usual
    with av.open(str(path), "w", options=options or {}) as container:
        video = container.add_stream(codec or video_codec, rate=Fraction(fps))
        video.height, video.width = size
        video.pix_fmt = pixels
        if time_base:
            video.codec_context.time_base = time_base
        if rotation:
            video.set_display_rotation(rotation)
        if speech is not None:
            layout = "mono" if sound_codec == "libopus" else "stereo"
            audio = container.add_stream(sound_codec, rate=rate, layout=layout)
        for index, picture in zip(pts, pictures(len(pts), *size), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, time_base or 1 / Fraction(fps)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if speech is not None and len(speech):
            channels = np.stack([speech] * audio.layout.nb_channels)
            container.mux(audio.encode(sound_frame(channels, "fltp", layout, rate, speech_pts)))
            container.mux(audio.encode())
    return path


def lag(speech: np.ndarray, original: np.ndarray) -> int:
    """By how many samples speech is late."""
    return int(np.argmax(correlate(speech, original, "full"))) - len(original) + 1


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())


def write_folder(folder: Path, frames: np.ndarray, name: str = "{:03d}.png", first: int = 1) -> Path:
    folder.mkdir(parents=True)
    for index, picture in enumerate(frames, first):
        Image.fromarray(picture).save(folder / name.format(index), quality=95)
    return folder


# Containers


@pytest.mark.parametrize("suffix", CODECS)
def test_regular_files_are_read_as_they_are(tmp_path: Path, suffix: str) -> None:
    rate = CODECS[suffix][3]
    path = render(tmp_path / f"a.{suffix}", list(range(20)), speech=noise(0.8, rate))
    clip = read_clip(path, "a")
    assert clip.id == "a" and clip.fps == 25.0 and clip.sample_rate == RATE
    assert alike(clip.frames, pictures_of(path)) and len(clip) == 20
    assert clip.speech.dtype == np.float32
    assert len(clip.speech) == pytest.approx(0.8 * RATE, abs=0.09 * RATE)  # codecs pad to whole blocks
    same_rate = read_clip(path, "a", sample_rate=rate)
    assert abs(lag(same_rate.speech, noise(0.8, rate))) <= rate // 1000


@pytest.mark.parametrize("suffix", CODECS)
def test_silent_files(tmp_path: Path, suffix: str) -> None:
    path = render(tmp_path / f"a.{suffix}", list(range(5)))
    with pytest.raises(MediaError, match=r"clip a: .*no sound; expected speech\. Use --sound optional"):
        read_clip(path, "a")
    clip = read_clip(path, "a", sound="optional")
    assert len(clip) == 5 and clip.speech.shape == (0,)


@pytest.mark.parametrize("fps", [24, 25, 30, 50, 60, Fraction(24000, 1001), Fraction(30000, 1001)])
@pytest.mark.parametrize("suffix", ["mkv", "webm"])  # their time stamps are rounded to milliseconds
def test_rounded_time_stamps(tmp_path: Path, suffix: str, fps: Fraction) -> None:
    path = render(tmp_path / f"a.{suffix}", list(range(40)), fps=fps)
    clip = read_clip(path, "a", sound="optional")
    assert alike(clip.frames, pictures_of(path)) and clip.fps == float(fps)


def test_jittering_time_stamps(tmp_path: Path) -> None:
    jitter = np.random.default_rng(1).integers(-4, 5, 40)
    pts = [int(round(1000 * index / 30) + jitter[index] + 5) for index in range(40)]
    path = render(tmp_path / "a.mp4", pts, fps=30, time_base=Fraction(1, 1000))
    clip = read_clip(path, "a", sound="optional")
    assert alike(clip.frames, pictures_of(path)) and clip.fps == 30.0


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi"])
def test_a_hole_repeats_the_picture_before_it(tmp_path: Path, suffix: str) -> None:
    pts = [0, 1, 2, 8, 9, 10, 11, 14, 15, 16]
    path = render(tmp_path / f"a.{suffix}", pts)
    clip = read_clip(path, "a", sound="optional")
    shown = [0, 1, 2, 2, 2, 2, 2, 2, 3, 4, 5, 6, 6, 6, 7, 8, 9]
    assert clip.fps == 25.0 and alike(clip.frames, pictures_of(path)[shown])


@pytest.mark.parametrize("suffix", ["mpg", "avi"])  # most frames without a time stamp; time stamps out of order
def test_frames_without_trustworthy_time_stamps_are_counted(tmp_path: Path, suffix: str) -> None:
    path = render(tmp_path / f"a.{suffix}", list(range(30)), codec="libx264")
    with av.open(str(path)) as container:
        pts = [frame.pts for frame in container.decode(video=0)]
    assert None in pts or sorted(pts) != pts
    assert alike(read_clip(path, "a", sound="optional").frames, pictures_of(path))


def test_avi_whose_sound_needs_a_start_up(tmp_path: Path) -> None:
    path = render(tmp_path / "a.avi", list(range(20)), speech=noise(0.8, 44100), sound=("libmp3lame", 44100))
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 21  # the muxer left a chunk empty after the first frame
    clip = read_clip(path, "a", sample_rate=44100)
    assert alike(clip.frames, pictures_of(path)) and len(clip) == 20
    assert abs(lag(clip.speech, noise(0.8, 44100))) < 0.02 * 44100


def test_time_stamps_that_jump_are_refused(tmp_path: Path) -> None:
    path = render(tmp_path / "a.mkv", [0, 1, 2, 1000])
    with pytest.raises(MediaError, match=r"time stamps jump by 39\.9 s after frame 2; expected at most 10 s"):
        read_clip(path, "a", sound="optional")


@pytest.mark.parametrize("degrees, turns", [(90, 1), (-90, 3), (180, 2)])
def test_rotated_video_is_upright(tmp_path: Path, degrees: int, turns: int) -> None:
    path = render(tmp_path / "a.mp4", [0, 1, 2], rotation=degrees)
    clip = read_clip(path, "a", sound="optional")
    assert alike(clip.frames, np.rot90(pictures_of(path), turns, axes=(1, 2)))


def test_edit_lists_hide_frames(tmp_path: Path) -> None:
    path = render(tmp_path / "a.mp4", list(range(30)), options={"movflags": "+faststart"})
    whole, data = pictures_of(path), bytearray(path.read_bytes())
    at = data.index(b"elst") + 12  # version and flags, number of entries, then duration and start
    duration, start = struct.unpack(">Ii", data[at : at + 8])
    data[at : at + 8] = struct.pack(">Ii", duration // 2, start + 10 * 512)
    path.write_bytes(data)
    clip = read_clip(path, "a", sound="optional")
    assert alike(clip.frames, whole[10:25])


# Sound


@pytest.mark.parametrize("late", [3200, -3200])
def test_sound_starts_with_the_first_frame(tmp_path: Path, late: int) -> None:
    speech = noise(0.8)
    first_frame = max(0, -late // 640)
    pts = list(range(first_frame, first_frame + 20))
    path = render(tmp_path / "a.mkv", pts, speech=speech, speech_pts=max(0, late))
    clip = read_clip(path, "a")
    expected = np.concatenate([np.zeros(max(0, late), np.float32), speech[max(0, -late) :]])
    assert len(clip) == 20 and len(clip.speech) == len(expected)
    assert np.abs(clip.speech - expected).max() <= 1 / 32768


def test_equal_channels_keep_their_level_and_others_are_averaged(tmp_path: Path) -> None:
    frames, speech = write_folder(tmp_path / "a", pictures(2)), noise(0.2)
    write_wav(tmp_path / "a.wav", np.stack([speech, speech], axis=1))
    assert np.abs(read_clip(frames, "a").speech).max() == pytest.approx(np.abs(speech).max(), abs=1e-4)
    write_wav(tmp_path / "a.wav", np.stack([speech, 0 * speech], axis=1))
    assert np.abs(read_clip(frames, "a").speech - speech / 2).max() < 1e-4


@pytest.mark.parametrize(
    "codec, format, tolerance",
    [
        ("pcm_u8", "u8", 1 / 100),
        ("pcm_s16le", "s16", 1 / 32000),
        ("pcm_s32le", "s32", 1e-6),
        ("pcm_f32le", "flt", 1e-7),
        ("pcm_f64le", "dbl", 1e-7),
    ],
)
def test_sample_formats(tmp_path: Path, codec: str, format: str, tolerance: float) -> None:
    speech = noise(0.2)
    path = render(tmp_path / "a.mkv", list(range(5)), speech=speech, sound=(codec, RATE))
    with av.open(str(path)) as container:
        assert next(container.decode(audio=0)).format.name == format
    assert np.abs(read_clip(path, "a").speech - speech).max() <= tolerance


def test_a_hole_in_the_sound_is_silent(tmp_path: Path) -> None:
    path, speech = tmp_path / "a.mkv", noise(0.4)
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.height, video.width, video.pix_fmt = 48, 64, "bgr0"
        audio = container.add_stream("pcm_f32le", rate=RATE, layout="mono")
        for picture in pictures(10):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
        for part, pts in ((speech[:3200], 0), (speech[3200:], 4800)):
            container.mux(audio.encode(sound_frame(part[None], "flt", "mono", RATE, pts)))
        container.mux(audio.encode())
    expected = np.concatenate([speech[:3200], np.zeros(1600, np.float32), speech[3200:]])
    assert np.abs(read_clip(path, "a").speech - expected).max() < 1e-6


@pytest.mark.parametrize("kind", ["no packets", "unknown codec"])
def test_a_sound_stream_of_which_nothing_decodes_is_no_sound(tmp_path: Path, kind: str) -> None:
    path = render(tmp_path / "a.mp4", list(range(5)), speech=noise(0.2 * (kind == "unknown codec")))
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"zzza").replace(b"esds", b"zzzz"))
    with pytest.raises(MediaError, match="no sound"):
        read_clip(path, "a")
    assert len(read_clip(path, "a", sound="optional").speech) == 0


# Memory that goes from clip to clip


def test_memory_is_reused_only_when_nothing_views_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsbench.media.memory._spare", {})  # what earlier tests left
    frames = {name: np.full((12, 48, 64, 3), level, np.uint8) for name, level in (("a", 10), ("b", 90), ("c", 200))}
    for name, picture in frames.items():
        write_clip(tmp_path / f"{name}.mkv", picture, noise(0.1), 25)
    view = read_clip(tmp_path / "a.mkv", "a").frames[3:5, ::2, :7, 1].T  # outlives its clip
    other = read_clip(tmp_path / "b.mkv", "b").frames
    address = other.ctypes.data
    assert np.array_equal(view, frames["a"][3:5, ::2, :7, 1].T)
    del other
    last = read_clip(tmp_path / "c.mkv", "c").frames
    assert last.ctypes.data == address and np.array_equal(last, frames["c"])
    assert np.array_equal(view, frames["a"][3:5, ::2, :7, 1].T)
    last[0] = 1  # a clip's frames are the reader's own
    assert np.array_equal(read_clip(tmp_path / "c.mkv", "c").frames, frames["c"])


def test_threads_do_not_share_memory(tmp_path: Path) -> None:
    for level in range(8):
        write_clip(tmp_path / f"{level}.mkv", np.full((8, 48, 64, 3), 30 * level, np.uint8), noise(0.1), 25)

    def levels(index: int) -> tuple[int, int]:
        frames = read_clip(tmp_path / f"{index % 8}.mkv", "a").frames
        return int(frames.min()), int(frames.max())

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(levels, range(80)))
    assert found == [(30 * (index % 8),) * 2 for index in range(80)]


def test_more_frames_than_announced(tmp_path: Path) -> None:
    """A stream that announces nothing is read into memory that grows."""
    first = render(tmp_path / "a.mpg", list(range(30))).read_bytes()
    (tmp_path / "b.mpg").write_bytes(3 * first)
    clip = read_clip(tmp_path / "b.mpg", "b", sound="optional")
    assert len(clip) == 90 and alike(clip.frames, pictures_of(tmp_path / "b.mpg"))


# Bad files


def bad_file(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "bad.mp4"
    if kind == "missing":
        return path
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("this is no video\n" * 100)
    elif kind == "sound only":
        with av.open(str(path), "w") as container:
            audio = container.add_stream("aac", rate=RATE, layout="mono")
            container.mux(audio.encode(sound_frame(noise(0.5)[None], "fltp", "mono", RATE)))
            container.mux(audio.encode())
    elif kind == "unknown codec":
        render(path, [0, 1, 2])
        path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC"))
    elif kind == "no index":
        render(path, list(range(20)))
        path.write_bytes(path.read_bytes()[:1500])
    return path


@pytest.mark.parametrize(
    "kind, message",
    [
        ("missing", "No such file or directory; expected a video file"),
        ("empty", r"empty file \(0 bytes\)"),
        ("text", r"not a video file \(Invalid data found when processing input\)"),
        ("sound only", r"no video stream \(audio\); expected a video"),
        ("unknown codec", "unknown codec"),
        ("no index", r"its index \(moov\) is missing"),
    ],
)
def test_bad_files(tmp_path: Path, kind: str, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = bad_file(tmp_path, kind)
    with pytest.raises(MediaError, match=message) as caught:
        read_clip(path, "s1/bad")
    assert str(caught.value).startswith(f"clip s1/bad: {path}: ") and "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [0.4, 0.7, 0.97])
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi"])  # mpg announces nothing; see the real clips
def test_truncated_files(tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    options = {"movflags": "+faststart"} if suffix in ("mp4", "mov") else {}
    path = render(tmp_path / f"a.{suffix}", list(range(50)), speech=noise(2, CODECS[suffix][3]), options=options)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    try:
        clip = read_clip(path, "a")
    except MediaError as error:
        assert "expected a whole video" in str(error) and ("frames decoded" in str(error) or "its sound" in str(error))
    else:  # cut behind the last packet: only an index is gone
        assert suffix == "avi" and share == 0.97 and len(clip) == 50
    assert capfd.readouterr() == ("", "")


def test_truncation_between_two_packets(tmp_path: Path) -> None:
    path = render(tmp_path / "a.mp4", list(range(30)), options={"movflags": "+faststart"})
    with av.open(str(path)) as container:
        starts = sorted(packet.pos for packet in container.demux(video=0) if packet.size)
    path.write_bytes(path.read_bytes()[: starts[20]])
    with pytest.raises(MediaError, match=r"announces at least 30 frames, 10 more than there are \(20 frames decoded\)"):
        read_clip(path, "a", sound="optional")


@pytest.mark.parametrize("suffix", ["mp4", "mpg"])
def test_damaged_files(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = render(tmp_path / f"a.{suffix}", list(range(50)), size=(144, 176), options={"movflags": "+faststart"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = np.random.default_rng(0).bytes(400)
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"clip a: .*\(\d+ frames decoded\); expected a whole video"):
        read_clip(path, "a", sound="optional")
    assert capfd.readouterr() == ("", "")


def test_frame_size_that_changes(tmp_path: Path) -> None:
    first = render(tmp_path / "a.mpg", list(range(10))).read_bytes()
    second = render(tmp_path / "b.mpg", list(range(10)), size=(64, 96)).read_bytes()
    (tmp_path / "c.mpg").write_bytes(first + second)
    with pytest.raises(MediaError, match=r"clip c: .*frame \d+ is 96x64 after frames of 64x48; expected one size"):
        read_clip(tmp_path / "c.mpg", "c", sound="optional")


def test_frames_that_grow_beyond_8k_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = render(tmp_path / "a.mpg", list(range(10))).read_bytes()
    second = render(tmp_path / "b.mpg", list(range(10)), size=(128, 192)).read_bytes()
    (tmp_path / "c.mpg").write_bytes(first + second)
    monkeypatch.setattr("lsbench.media.limits.MOST_PIXELS", 64 * 48)
    with pytest.raises(MediaError, match=r"clip c: .*decoding stopped: .*\(\d+ frames decoded\)"):
        read_clip(tmp_path / "c.mpg", "c", sound="optional")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = render(tmp_path / "a.mp4", [0, 1])
    monkeypatch.setattr("lsbench.system.regular.os.open", refuse)
    with pytest.raises(MediaError, match=r"clip a: .*a\.mp4: cannot be read: Permission denied"):
        read_clip(path, "a")
    with pytest.raises(MediaError, match=r"a\.mp4: cannot be read: Permission denied"):
        content_sha256(path)


def test_names_that_look_like_protocols(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(Path("s1:take 2%d#.mp4"), pictures(3), noise(0.1), 25)
    assert len(read_clip(Path("s1:take 2%d#.mp4"), "a")) == 3


# Folders of frames


@pytest.mark.parametrize("name", ["{:03d}.png", "frame_{}.png", "{:05d}.PNG"])
def test_frame_folder(tmp_path: Path, name: str) -> None:
    frames, speech = pictures(12), noise(0.48)
    folder = write_folder(tmp_path / "a", frames, name)
    (folder / "notes.txt").write_text("not a frame")
    (folder / ".0001.png").write_text("hidden")
    write_wav(tmp_path / "a.wav", speech)
    clip = read_clip(folder, "a")
    assert np.array_equal(clip.frames, frames) and clip.fps == 25.0
    assert np.abs(clip.speech - speech).max() < 1e-4
    (tmp_path / "a.wav").rename(folder / "sound.wav")
    other = read_clip(folder, "a", folder_fps=30)
    assert other.fps == 30.0 and np.array_equal(other.speech, clip.speech)


def test_frame_folder_of_jpegs_and_without_sound(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", pictures(3), "{}.jpg")
    clip = read_clip(folder, "a")  # the wav of a frame folder is optional
    assert len(clip.speech) == 0
    difference = clip.frames.astype(int) - pictures(3)
    assert np.abs(difference).mean() < 5


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA"])
def test_images_that_are_exactly_rgb(tmp_path: Path, mode: str) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    picture = Image.fromarray(pictures(1)[0]).convert("L").convert("RGB")
    picture.quantize(256).save(folder / "1.png") if mode == "P" else picture.convert(mode).save(folder / "1.png")
    frame = read_clip(folder, "a", sound="optional").frames[0]
    assert np.array_equal(frame, np.asarray(Image.open(folder / "1.png").convert("RGB")))


def spoil(folder: Path, kind: str) -> None:
    if kind == "missing number":
        (folder / "003.png").unlink()
    elif kind == "two series":
        (folder / "003.png").rename(folder / "mask003.png")
    elif kind == "number twice":
        (folder / "3.png").write_bytes((folder / "003.png").read_bytes())
    elif kind == "size":
        Image.fromarray(pictures(1, 32, 32)[0]).save(folder / "003.png")
    elif kind == "cmyk":
        Image.fromarray(pictures(1)[0]).convert("CMYK").save(folder / "003.png", format="JPEG")
    elif kind == "cut":
        (folder / "003.png").write_bytes((folder / "003.png").read_bytes()[:100])
    elif kind == "no image":
        (folder / "003.png").write_text("text")
    elif kind == "no frames":
        for path in folder.iterdir():
            path.unlink()
    elif kind == "two wavs":
        write_wav(folder / "a.wav", noise(0.1))
        write_wav(folder.parent / "a.wav", noise(0.1))
    elif kind == "bad wav":
        (folder / "a.wav").write_text("text")


@pytest.mark.parametrize(
    "kind, message",
    [
        ("missing number", r"frame 3 is missing, 002\.png is followed by 004\.png; expected every number"),
        ("two series", r"mask003\.png; expected one series"),
        ("number twice", "expected one series, each number once"),
        ("size", r"003\.png is 32x32 after frames of 64x48"),
        ("cmyk", r"003\.png is a CMYK image"),
        ("cut", r"003\.png cannot be decoded"),
        ("no image", r"003\.png cannot be decoded"),
        ("no frames", "no numbered PNG or JPG frame"),
        ("two wavs", "expected one wav"),
        ("bad wav", r"a\.wav: not a wav file"),
    ],
)
def test_bad_frame_folders(tmp_path: Path, kind: str, message: str) -> None:
    folder = write_folder(tmp_path / "a", pictures(5))
    spoil(folder, kind)
    with pytest.raises(MediaError, match=message) as caught:
        read_clip(folder, "a", sound="optional")
    assert str(caught.value).startswith(f"clip a: {folder}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("mode", ["I;16", "RGB", "RGBA"])
def test_16_bit_images_are_rounded_to_8(tmp_path: Path, mode: str) -> None:
    (tmp_path / "a").mkdir()
    channels = {"I;16": 1, "RGB": 3, "RGBA": 4}[mode]
    samples = np.random.default_rng(0).integers(0, 65536, (48, 64, channels)).astype(np.uint16)
    samples[..., 3:] = 65535
    bgr = samples[..., [2, 1, 0, 3][:channels]] if channels > 1 else samples
    cv2.imwrite(str(tmp_path / "a" / "1.png"), bgr)
    film = read_film(tmp_path / "a", "a")
    assert np.array_equal(film.clip().frames[0], np.broadcast_to(np.rint(samples[..., :3] / 257), (48, 64, 3)))
    assert film.notes == ("its images have 16 bits, read at 8",)


def test_transparent_images_are_shown_over_black(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 4), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a" / "1.png")
    film = read_film(tmp_path / "a", "a")
    expected = pixels[..., :3] * (pixels[..., 3:] / 255)
    assert np.abs(film.clip().frames[0] - expected).max() <= 0.5
    assert film.notes == ("partly transparent, shown over black",)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_their_exif_says(tmp_path: Path, orientation: int) -> None:
    (tmp_path / "a").mkdir()
    picture = pictures(1)[0]
    stored = {  # how a camera stores what is to be seen; EXIF 2.3, tag 274
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.transpose(1, 0, 2),
        6: np.rot90(picture, 1),
        7: picture[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(picture, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a" / "1.png", exif=exif)
    film = read_film(tmp_path / "a", "a")
    assert np.array_equal(film.clip().frames[0], picture)
    assert (film.notes == ()) == (orientation == 1)


# Finding clips and naming their content


def test_find_clips(tmp_path: Path) -> None:
    for name in ("s2/b.mp4", "s2/a.take.1.MPG", "s10/c.avi", "top.webm", ".hidden/x.mp4", "s2/._b.mp4", "s2/b.align"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    write_folder(tmp_path / "s2" / "v1.5", pictures(2))
    (tmp_path / "s2" / "v1.5.wav").touch()
    (tmp_path / "s10" / "poster1.png").touch()
    found = find_clips(tmp_path)
    assert list(found) == ["s10/c", "s2/a.take.1", "s2/b", "s2/v1.5", "top"]
    assert found["s2/v1.5"] == tmp_path / "s2" / "v1.5" and found["top"] == tmp_path / "top.webm"


def test_ids_are_composed_unicode(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "señor/é1")
    (tmp_path / decomposed).parent.mkdir()
    (tmp_path / f"{decomposed}.mp4").touch()
    assert list(find_clips(tmp_path)) == ["señor/é1"]
    (tmp_path / "señor").mkdir(exist_ok=True)
    (tmp_path / "señor" / "é1.mp4").touch()
    if len(list(tmp_path.rglob("*.mp4"))) == 2:  # a file system that keeps both spellings
        with pytest.raises(MediaError, match="two sources"):
            find_clips(tmp_path)


@pytest.mark.parametrize("other", ["a.avi", "a/1.png"])
def test_two_sources_for_one_id(tmp_path: Path, other: str) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / other).parent.mkdir(exist_ok=True)
    (tmp_path / other).touch()
    with pytest.raises(MediaError, match=r"clip a: two sources, .*a(\.mp4|\.avi)? and .*a(\.mp4|\.avi)?; expected one"):
        find_clips(tmp_path)


def test_folders_without_clips(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no clip in it; expected video files or folders"):
        find_clips(tmp_path)
    with pytest.raises(MediaError, match="missing: no such file or folder; expected a video, or a folder of clips"):
        find_clips(tmp_path / "missing")
    (tmp_path / "file.mp4").touch()
    with pytest.raises(MediaError, match="cannot be read as a folder of clips: Not a directory"):
        find_clips(tmp_path / "file.mp4")


def test_links_are_followed_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.mp4").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "s1").symlink_to(tmp_path / "real")
    (tmp_path / "data" / "again").symlink_to(tmp_path / "data")
    assert list(find_clips(tmp_path / "data")) == ["s1/a"]


def test_content_sha256(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"abc" * 1_000_000)
    assert content_sha256(file) == hashlib.sha256(file.read_bytes()).hexdigest()
    folder, copy = (write_folder(tmp_path / place / "clip", pictures(3)) for place in ("one", "two"))
    assert content_sha256(folder) == content_sha256(copy)
    (copy / "notes.txt").write_text("not part of the clip")
    assert content_sha256(folder) == content_sha256(copy)
    write_wav(tmp_path / "two" / "clip.wav", noise(0.1))
    with_sound = content_sha256(copy)
    assert content_sha256(folder) != with_sound
    (copy / "003.png").rename(copy / "004.png")
    assert content_sha256(copy) not in (with_sound, content_sha256(folder))
    with pytest.raises(MediaError, match="missing: cannot be read"):
        content_sha256(tmp_path / "missing")


# Writing


@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
@pytest.mark.parametrize("seconds", [0.8, 0.5, 1.3])  # as long as the video, shorter, longer
def test_mp4_round_trip(tmp_path: Path, size: tuple[int, int], seconds: float) -> None:
    frames, speech = pictures(20, *size), noise(seconds)
    write_clip(tmp_path / "s1" / "a.mp4", frames, speech, 25)
    clip = read_clip(tmp_path / "s1" / "a.mp4", "a")
    assert clip.frames.shape == frames.shape and clip.fps == 25.0
    assert np.abs(clip.frames.astype(int) - frames).mean() < 4
    assert len(clip.speech) == len(speech) and abs(lag(clip.speech, speech)) <= 1
    with av.open(str(tmp_path / "s1" / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].format.name == ("yuv444p" if size[0] % 2 else "yuv420p")
    data = (tmp_path / "s1" / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
@pytest.mark.parametrize("seconds", [0.8, 0.5, 1.3])
def test_mkv_round_trip_is_exact(tmp_path: Path, size: tuple[int, int], seconds: float) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (20, *size, 3), dtype=np.uint8)
    speech = noise(seconds)
    write_clip(tmp_path / "a.mkv", frames, speech, 25)
    clip = read_clip(tmp_path / "a.mkv", "a")
    assert np.array_equal(clip.frames, frames) and clip.fps == 25.0
    assert len(clip.speech) == len(speech) and np.abs(clip.speech - speech).max() <= 0.51 / 32768


def test_full_scale_speech_does_not_wrap(tmp_path: Path) -> None:
    speech = np.array([1.0, -1.0, 0.0] * 200, np.float32)
    write_clip(tmp_path / "a.mkv", pictures(2), speech, 25)
    assert np.abs(read_clip(tmp_path / "a.mkv", "a").speech - speech).max() <= 1 / 32768


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("fps", [30000 / 1001, 12.5, 30, 60])
def test_frame_rates(tmp_path: Path, suffix: str, fps: float) -> None:
    path = tmp_path / f"a{suffix}"
    write_clip(path, pictures(16), noise(0.5), fps)
    clip = read_clip(path, "a")
    assert len(clip) == 16 and clip.fps == pytest.approx(fps, rel=1e-9)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_one_frame_and_no_sound(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_clip(path, pictures(1), np.empty(0, np.float32), 25)
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    assert len(read_clip(path, "a", sound="optional")) == 1


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    texture = np.random.default_rng(0).integers(0, 256, (1, 256, 352, 3)).astype(np.uint8)
    frames = np.concatenate([np.roll(texture // 2 + 60, 2 * step, axis=2) for step in range(10)])
    path, digests = tmp_path / f"a{suffix}", set()
    for _ in range(3):
        write_clip(path, frames, noise(0.4), 25, metadata={"generator": "copy"})
        digests.add(content_sha256(path))
    assert len(digests) == 1
    with av.open(str(path)) as container:
        assert {key.lower(): value for key, value in container.metadata.items()}["generator"] == "copy"


def test_views_are_written_as_they_look(tmp_path: Path) -> None:
    frames = pictures(6)[::-1, ::2, ::-1]
    write_clip(tmp_path / "a.mkv", frames, noise(0.4)[::2], 25)
    assert np.array_equal(read_clip(tmp_path / "a.mkv", "a").frames, frames)


def test_quality_follows_crf(tmp_path: Path) -> None:
    sizes = []
    for crf in (5, 40):
        write_clip(tmp_path / "a.mp4", pictures(10), noise(0.4), 25, crf=crf)
        sizes.append((tmp_path / "a.mp4").stat().st_size)
    assert sizes[0] > sizes[1]


@pytest.mark.parametrize(
    "name, frames, speech, message",
    [
        ("a.gif", pictures(2), noise(0.1), r"cannot write \.gif; expected \.mp4 or \.mkv"),
        ("a", pictures(2), noise(0.1), "a file without suffix"),
        ("a.mp4", pictures(2).astype(np.float32), noise(0.1), r"frames are float32 .*expected uint8"),
        ("a.mp4", pictures(2)[:0], noise(0.1), r"frames are uint8 \(0, 48, 64, 3\)"),
        ("a.mp4", pictures(2), noise(0.1).astype(np.float64), "speech is float64"),
        ("a.mkv", pictures(2), np.full(9, np.nan, np.float32), "not finite"),
    ],
)
def test_what_cannot_be_written(
    tmp_path: Path, name: str, frames: np.ndarray, speech: np.ndarray, message: str
) -> None:
    with pytest.raises(MediaError, match=message):
        write_clip(tmp_path / name, frames, speech, 25)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits of file sizes exist on Unix only")
    path = tmp_path / "a.mkv"
    write_clip(path, pictures(2), noise(0.1), 25)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # stands in for a full disk
    try:
        with pytest.raises(MediaError, match=r"a\.mkv: cannot be written: File too large"):
            write_clip(path, np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), dtype=np.uint8), noise(0.8), 25)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == before
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match="cannot be written: "):
        write_clip(tmp_path / "file" / "a.mp4", pictures(2), noise(0.1), 25)
    with pytest.raises(MediaError, match="cannot be written: "):
        write_clip(tmp_path / "b.mp4", pictures(2), noise(0.1), 25, sample_rate=12345)
    assert sorted(child.name for child in tmp_path.iterdir()) == ["a.mkv", "file"]


# Real clips

real = pytest.mark.skipif(not GRID.is_dir(), reason="no real GRID clips: ../shared/grid-mini is not there")


@pytest.mark.slow
@real
def test_real_clips_have_their_exact_colours() -> None:
    clips = find_clips(GRID)
    assert len(clips) >= 40 and "s1/bbaf2n" in clips
    for clip_id in list(clips)[::8]:
        clip = read_clip(clips[clip_id], clip_id)
        assert clip.frames.shape == (75, 288, 360, 3) and clip.fps == 25.0
        assert alike(clip.frames, pictures_of(clips[clip_id]))
        assert len(clip.speech) / RATE == pytest.approx(2.98, abs=0.005)


@real
def test_real_speech_is_what_librosa_loads(tmp_path: Path) -> None:
    """librosa reads the sound track from a wav of its samples, since it opens MPEG only through other programs."""
    librosa = pytest.importorskip("librosa")
    clips = find_clips(GRID)
    for clip_id in list(clips)[:3]:
        with av.open(str(clips[clip_id])) as container:
            samples = np.concatenate([block.to_ndarray() for block in container.decode(audio=0)], axis=1)
        with wave.open(str(tmp_path / "a.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(44100)
            file.writeframes(samples.T.astype("<i2").tobytes())
        expected, _ = librosa.load(tmp_path / "a.wav", sr=RATE, mono=True)
        speech = read_clip(clips[clip_id], clip_id).speech
        assert abs(len(speech) - len(expected)) <= 1  # librosa rounds the length up
        assert np.abs(speech - np.clip(expected[: len(speech)], -1, 1)).max() < 1e-5


@real
def test_real_clips_that_are_cut_or_damaged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = (GRID / "s1" / "bbaf2n.mpg").read_bytes()
    middle = len(data) // 2
    damaged = data[:middle] + np.random.default_rng(0).bytes(400) + data[middle + 400 :]
    for bad in (data[:middle], data[: int(0.99 * len(data))], damaged):
        (tmp_path / "a.mpg").write_bytes(bad)
        with pytest.raises(MediaError, match=r"clip a: .*expected a whole video"):
            read_clip(tmp_path / "a.mpg", "a")
    assert capfd.readouterr() == ("", "")
