"""A corpus of one's own: `python flat_corpus.py RAW OUT` makes OUT/anna/take1.mkv of RAW/anna-take1.mp4, and so on."""

import sys
from pathlib import Path

from lsbench import MediaError, read_clip, write_clip
from lsbench.media.files import find_clips


def prepare(raw: str, out: str) -> None:
    """Decode every video below RAW, and write those that are whole and have sound, without loss."""
    for name, source in find_clips(Path(raw)).items():
        speaker, _, take = name.partition("-")
        try:
            clip = read_clip(source, name)
        except MediaError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        path = Path(out) / speaker / f"{take}.mkv"
        write_clip(path, clip.frames, clip.speech, clip.fps, sample_rate=clip.sample_rate)


if __name__ == "__main__":
    prepare(*sys.argv[1:])
