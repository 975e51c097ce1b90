"""Speech out of the sound of a file: channels, streams, batches."""

from __future__ import annotations

import struct
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soxr
from PIL import Image

from lsbench.errors import MediaError
from lsbench.media import sound
from lsbench.media.files import read_clip, read_film
from lsbench.media.sound import read_speech

RATE = 16000
rng = np.random.default_rng(0)


def voice(seconds: float = 1.0, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Noise with the rhythm of syllables: float32 (N,), peak 0.5."""
    count = round(seconds * rate)
    white = np.random.default_rng(seed).standard_normal(count)
    rhythm = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * np.arange(count) / rate)
    smooth = np.convolve(white, np.hanning(9), "same") * rhythm
    return (0.5 * smooth / np.abs(smooth).max()).astype(np.float32)


def written(path: Path, channels: np.ndarray, layout: str, rate: int = RATE, codec: str = "pcm_f32le") -> Path:
    """A mkv of one picture a frame, and the sound of (channels, N)."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.height, video.width, video.pix_fmt = 16, 16, "bgr0"
        audio = container.add_stream(codec, rate=rate, layout=layout)
        for index in range(max(1, round(25 * channels.shape[1] / rate))):
            frame = av.VideoFrame.from_ndarray(np.full((16, 16, 3), index % 256, np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(video.encode(frame))
        for start in range(0, channels.shape[1], 1024):
            part = np.ascontiguousarray(channels[:, start : start + 1024].T.reshape(1, -1))
            kind = "s32" if codec == "flac" else "flt"
            if codec == "flac":
                part = np.rint(part.astype(np.float64) * (2**31 - 1)).astype(np.int32)
            block = av.AudioFrame.from_ndarray(part, format=kind, layout=layout)
            block.sample_rate, block.pts, block.time_base = rate, start, Fraction(1, rate)
            container.mux(audio.encode(block))
        for stream in (video, audio):
            container.mux(stream.encode())
    return path


def test_mono_is_taken_as_it_is_and_stereo_is_the_mean(tmp_path: Path) -> None:
    left, right = voice(seed=1), voice(seed=2)
    film = read_film(written(tmp_path / "a.mkv", left[None], "mono"), "a")
    assert np.array_equal(film.speech, left) and film.notes == ()
    film = read_film(written(tmp_path / "b.mkv", np.stack([left, right]), "stereo"), "b")
    assert np.array_equal(film.speech, np.stack([left, right]).mean(axis=0)) and film.notes == ()
    film = read_film(written(tmp_path / "c.mkv", np.stack([left, 0 * left]), "stereo"), "c")
    assert np.array_equal(film.speech, left / 2) and film.notes == ()


@pytest.mark.parametrize("rest", [0.0, 0.05])
def test_channels_that_cancel(tmp_path: Path, rest: float) -> None:
    """Case 7: left = -right was silence."""
    speech = voice()
    channels = np.stack([0.8 * speech, -speech + rest * voice(seed=1)])
    film = read_film(written(tmp_path / "a.mkv", channels, "stereo"), "a")
    assert np.array_equal(film.speech, channels[1])
    assert film.notes == ("2 channels of sound lose most of it in one: the loudest, channel 2, is heard",)


@pytest.mark.parametrize("speaking, level", [((2,), 1.0), ((0, 1), 1.0), ((0,), 0.5), ((4,), 0.3536), ((2, 3), 1.0)])
@pytest.mark.parametrize("codec", ["pcm_f32le", "flac"])  # Matroska keeps no layout of PCM, and FLAC its own
def test_speech_in_the_centre_of_5_1_keeps_its_level(
    tmp_path: Path, speaking: tuple[int, ...], level: float, codec: str
) -> None:
    """Case 7: the mean of six channels has a sixth of it. FL FR FC LFE BL BR."""
    speech, channels = voice(), np.zeros((6, RATE), np.float32)
    channels[list(speaking)] = speech
    film = read_film(written(tmp_path / "a.mkv", channels, "5.1", codec=codec), "a")
    assert np.abs(film.speech - level * speech).max() < 1e-3
    assert film.notes == ("sound in 6 channels: the centre at its level, the others below it",)


def test_low_frequencies_are_not_taken_for_speech(tmp_path: Path) -> None:
    speech, channels = voice(), np.zeros((6, RATE), np.float32)
    channels[2], channels[3] = 0.05 * speech, voice(seed=1)
    film = read_film(written(tmp_path / "a.mkv", channels, "5.1"), "a")
    assert np.abs(film.speech - channels[2]).max() < 1e-6


def test_four_channels_without_a_centre_are_averaged(tmp_path: Path) -> None:
    channels = np.stack([voice(seed=seed) for seed in range(4)])
    film = read_film(written(tmp_path / "a.mkv", channels, "quad"), "a")
    assert np.array_equal(film.speech, channels.mean(axis=0))


def test_more_channels_than_a_player_has_are_refused(tmp_path: Path) -> None:
    """PyAV ends the process at damaged files that announce 56."""
    path = written(tmp_path / "a.mkv", np.zeros((16, 1024), np.float32), "hexadecagonal")
    with pytest.raises(MediaError, match=r"clip a: .*sound in 16 channels; expected at most 8\. Mix it down"):
        read_film(path, "a")


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    speech = voice()
    speech[5000] = np.nan
    with pytest.raises(MediaError, match="no finite numbers"):
        read_film(written(tmp_path / "a.mkv", speech[None], "mono"), "a")


def test_silence_does_not_cancel(tmp_path: Path) -> None:
    film = read_film(written(tmp_path / "a.mkv", np.zeros((2, RATE), np.float32), "stereo"), "a")
    assert len(film.speech) == RATE and not film.speech.any() and film.notes == ()


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("batch", [1, 3000, 1 << 30])
def test_batches_do_not_change_a_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: int, batch: int) -> None:
    monkeypatch.setattr(sound, "_BATCH", batch)
    channels = np.stack([voice(2.2, rate, 1), voice(2.2, rate, 2)])
    path = written(tmp_path / "a.mkv", channels, "stereo", rate)
    speech = read_speech(path, "a", RATE)
    assert np.array_equal(speech.samples, np.clip(soxr.resample(channels.mean(axis=0), rate, RATE), -1, 1))
    assert (speech.source_rate, speech.sample_rate) == (rate, RATE)


def test_a_wav_without_sound_or_cut_short(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a" / "1.png")
    (tmp_path / "a.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVE")
    with pytest.raises(MediaError, match=r"a\.wav: not a wav file"):
        read_film(tmp_path / "a", "a")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.zeros((RATE, 2), "<i2").tobytes())
    assert len(read_film(tmp_path / "a", "a").speech) == RATE


# Streams


def with_streams(path: Path, levels: list[int], default: int | None = None, cover: int | None = None) -> Path:
    """Videos of flat pictures of these levels, each with its own tone; one is the default, one a cover picture."""
    with av.open(str(path), "w") as container:
        streams = []
        for index, level in enumerate(levels):
            video = container.add_stream("mjpeg" if index == cover else "libx264", rate=25)
            video.height, video.width, video.pix_fmt = 32, 32, "yuvj420p" if index == cover else "yuv420p"
            if index == cover:
                video.disposition = av.stream.Disposition.attached_pic
            else:
                video.disposition = av.stream.Disposition.default if index == default else 0
            streams.append((video, level, 1 if index == cover else 10))
        for video, level, count in streams:
            for index in range(count):
                frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), level, np.uint8), format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode())
    return path


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = with_streams(tmp_path / "a.mp4", [200, 90], cover=0)
    clip = read_clip(path, "a", sound="optional")
    assert len(clip) == 10 and abs(int(clip.frames.mean()) - 90) <= 2
    only = with_streams(tmp_path / "b.mp4", [200], cover=0)
    with pytest.raises(MediaError, match=r"no video stream \(cover picture\); expected a video"):
        read_clip(only, "b", sound="optional")


@pytest.mark.parametrize("default", [0, 1])
def test_the_default_stream_is_shown(tmp_path: Path, default: int) -> None:
    path = with_streams(tmp_path / "a.mkv", [60, 180], default)
    clip = read_clip(path, "a", sound="optional")
    assert abs(int(clip.frames.mean()) - (60, 180)[default]) <= 2
    which = ("first", "second")[default]
    assert read_film(path, "a", sound="optional").notes == (
        f"2 streams of video: the {which} is taken, as players take it",
    )


def test_samples_of_64_bits_are_refused(tmp_path: Path) -> None:
    """PyAV gives no array of them."""
    form = struct.pack("<HHIIHH", 1, 1, RATE, 8 * RATE, 8, 64)
    head = b"RIFF" + struct.pack("<I", 36 + 8000) + b"WAVEfmt " + struct.pack("<I", len(form)) + form
    (tmp_path / "a.wav").write_bytes(head + b"data" + struct.pack("<I", 8000) + bytes(8000))
    with pytest.raises(MediaError, match="a: sound in samples of the kind s64; expected 8 to 32 bits"):
        read_speech(tmp_path / "a.wav", "a", RATE)
