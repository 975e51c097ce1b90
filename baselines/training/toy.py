"""Training data for a machine that has none: the toy corpus, rendered once and kept in the cache."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from lsbench.corpus.shards import write_shards
from lsbench.corpus.toy.render import SAMPLE_RATE, render
from lsbench.face.tracker import save_track, sidecar
from lsbench.media.files import write_clip
from lsbench.protocol import protocol
from lsbench.system.cache import cache_dir
from lsbench.system.locks import exclusive
from lsbench.system.pool import Progress

SPEAKERS = range(5, 9)  # those of the protocol `toy`, 1 to 4, are for testing
CLIPS = 4
FRAMES = 50
# So that 200 steps take a laptop a minute or two.
SETTINGS = (
    "width=0.125",
    "floor=24",
    "start=copying",
    "freeze_batch_norm=true",
    "batch=8",
    "learning_rate=0.0005",
    "cooling=0.5",
    "ema_decay=0.95",
    "log_every=50",
    "checkpoint_every=100",
    "sheet_every=100",
)


def toy_data(progress: Progress | None = None) -> Path:
    """The folder with the shards of toy speakers t5 to t8, in the cache; made where it is not there yet."""
    data = cache_dir() / "toy-training"
    data.mkdir(parents=True, exist_ok=True)
    with exclusive(data / "lock", wait=True), TemporaryDirectory() as scratch:
        if all((data / "shards" / f"t{speaker}" / "clips.json").is_file() for speaker in SPEAKERS):
            return data
        for speaker in SPEAKERS:
            for index in range(CLIPS):
                clip, track = render(speaker, index, frames=FRAMES)
                path = Path(scratch) / f"{clip.id}.mkv"
                write_clip(path, clip.frames, clip.speech, clip.fps, sample_rate=SAMPLE_RATE)
                save_track(sidecar(path), track)
                if progress:
                    done = (speaker - SPEAKERS.start) * CLIPS + index + 1
                    progress("render the toy corpus", done, len(SPEAKERS) * CLIPS)
        write_shards(protocol.from_folder(Path(scratch)).clips, data)
    return data
