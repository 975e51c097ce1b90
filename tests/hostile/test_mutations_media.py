"""Videos and sounds that are cut, flipped, doubled or stirred: read as a film, or refused by name, within bounds.

Seeded: the same mutations in every run. `pytest --mutations 5000` makes more of them.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import bad_media
import numpy as np
import pytest

from lsbench.errors import MediaError
from lsbench.media.files import read_film
from lsbench.media.film import Film

MOST_S = 20.0  # of the processor, for one of them
MOST_BYTES = 600 << 20  # by which the most that the process ever took may grow
LEAST_SOUND_S = 0.1  # of which the loss is noticed


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A clip in every container, by its name."""
    folder = tmp_path_factory.mktemp("clips")
    return {name: bad_media.video(folder / name).read_bytes() for name in bad_media.CONTAINERS}


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Some bytes with one or a few faults, of one of six kinds."""
    changed = bytearray(content)
    kind = random.integers(6)
    places = random.integers(0, len(content), size=random.integers(1, 9))
    if kind == 0:
        return content[: places[0]]
    if kind == 1:  # single bits
        for place in places:
            changed[place] ^= 1 << random.integers(8)
    elif kind == 2:  # in the head, where sizes and rates are
        for place in places % min(len(content), 512):
            changed[place] = random.integers(256)
    elif kind == 3:  # a hole, or noise
        end = min(len(content), places[0] + int(random.integers(1, 4096)))
        changed[places[0] : end] = bytes(end - places[0]) if random.integers(2) else random.bytes(end - places[0])
    elif kind == 4:  # a part is gone
        del changed[places[0] : places[0] + int(random.integers(1, 4096))]
    else:  # a part is there twice
        part = changed[places[0] : places[0] + int(random.integers(1, 4096))]
        changed[places[0] : places[0]] = part
    return bytes(changed)


def mutations(count: int, kinds: int) -> Iterator[tuple[int, np.random.Generator]]:
    """Which kind of file each mutation is made of, by turns, and its random numbers."""
    for number in range(count):
        yield number % kinds, np.random.default_rng([21, number])


def read(path: Path) -> Film | None:
    """A film, all of whose frames are looked at; None where it is refused by name. Nothing else may come of it."""
    started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        film = read_film(path, "a", sound="optional")
        assert sum(1 for _ in film.frames()) == len(film) > 0
        assert np.isfinite(film.speech).all()
    except MediaError as error:
        assert "clip a: " in str(error) and "\n" not in str(error), error
        film = None
    assert time.process_time() - started < MOST_S
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_BYTES
    return film


@pytest.mark.slow
def test_videos(clips: dict[str, bytes], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    names = [*clips]
    for kind, random in mutations(request.config.getoption("--mutations"), len(names)):
        path = tmp_path / names[kind]
        path.write_bytes(mutated(clips[names[kind]], random))
        read(path)


@pytest.mark.slow
def test_wavs(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = tmp_path / "frames"
    for number in range(25):
        bad_media.png(folder / f"{number:02}.png", 32, 32)
    sounds = [
        bad_media.wav(tmp_path / "noise.wav", channels=1, held=32000).read_bytes(),
        bad_media.wav(tmp_path / "stereo.wav", 44100, 2, held=64000).read_bytes(),
        bad_media.wav(tmp_path / "pipe.wav", announced=0xFFFFFFFF, held=32000).read_bytes(),
    ]
    for kind, random in mutations(request.config.getoption("--mutations"), len(sounds)):
        (folder / "a.wav").write_bytes(mutated(sounds[kind], random))
        read(folder)


@pytest.mark.slow
def test_what_is_cut_is_noticed(clips: dict[str, bytes], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Every file that lost a frame, or more than a tenth of a second of its sound, wherever it was cut."""
    whole = {}
    for name, content in clips.items():
        (tmp_path / name).write_bytes(content)
        film = read(tmp_path / name)
        assert film is not None, name
        whole[name] = len(film), len(film.speech) / film.sample_rate
    names = [*clips]
    for kind, random in mutations(request.config.getoption("--mutations"), len(names)):
        name = names[kind]
        content = clips[name]
        lost = int(random.integers(1, len(content) if random.integers(2) else 3000))
        (tmp_path / name).write_bytes(content[:-lost])
        film = read(tmp_path / name)
        frames, sound_s = whole[name]
        same = film is not None and len(film) >= frames
        kept = film is not None and len(film.speech) / film.sample_rate >= sound_s - LEAST_SOUND_S
        assert film is None or (same and kept), f"{name} without its last {lost} bytes"
