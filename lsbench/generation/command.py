"""An external program as a generator, one start a clip: `cmd:TEMPLATE` with {video}, {audio} and {output}."""

from __future__ import annotations

import difflib
import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbench.errors import GeneratorError, MediaError
from lsbench.face.track import FaceTrack
from lsbench.generation.generator import Generator, Rendered
from lsbench.generation.process import last_line, run_program
from lsbench.media.clip import Clip
from lsbench.media.files import VIDEO_SUFFIXES, read_clip, write_clip, write_sound

PLACEHOLDERS = ("video", "audio", "output")
TIMEOUT_S = 600.0


def split_template(template: str) -> tuple[str, ...]:
    """The program of a `cmd:` generator and its arguments, as a shell would split them; no shell ever sees them.

    Args:
        template: the text after `cmd:`.

    Returns:
        The program's name, then its arguments with their {video}, {audio} and {output} still in place.

    Raises:
        GeneratorError: where the text cannot be split, the program is not found, a placeholder is misspelled, or there
            is no {output}, or neither {video} nor {audio}.
    """
    try:
        arguments = tuple(shlex.split(template))
    except ValueError as error:
        raise GeneratorError(f"cmd:{template}: cannot be split into arguments: {error}") from None
    if not arguments or not shutil.which(arguments[0]):
        raise GeneratorError(f"cmd:{template}: no program {arguments[0] if arguments else 'is named'} can be found")
    for word in re.findall(r"\{(\w+)\}", template):
        if word not in PLACEHOLDERS and (near := difflib.get_close_matches(word, PLACEHOLDERS, n=1)):
            raise GeneratorError(f"cmd:{template}: unknown place {{{word}}}; did you mean {{{near[0]}}}?")
    if "{output}" not in template:
        raise GeneratorError(f"cmd:{template}: expected {{output}}, the file that the program must write")
    if "{video}" not in template and "{audio}" not in template:
        raise GeneratorError(f"cmd:{template}: expected {{video}} or {{audio}}, the files that the program may read")
    return arguments


@dataclass(frozen=True)
class Command(Generator):
    """A program that reads {video} and {audio} and writes {output}; nothing but these is replaced in the template.

    {video}: what the protocol lets it see, lossless FFV1 with the driving sound, in .mkv. {audio}: that sound, 16-bit
    mono wav. {output}: an .mp4 by name; whatever container is in it is read. It runs in the working directory.

    Attributes:
        template: the text after `cmd:`.
        timeout_s: seconds after which it is killed.
        logs: the folder in which the log of clip `s1/x` is kept as s1/x.log; None keeps none.
    """

    template: str
    timeout_s: float
    logs: Path | None

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> Rendered:
        """The video that the program wrote, with its own sound and frame rate.

        Raises:
            GeneratorError: where there is no usable video; it says how the program ended, and its last words.
        """
        with tempfile.TemporaryDirectory(prefix="lsbench-") as folder:
            log = self.logs / f"{face.id}.log" if self.logs else Path(folder, "log")
            log.parent.mkdir(parents=True, exist_ok=True)
            files = {name: Path(folder, name).with_suffix(suffix) for name, suffix in _SUFFIXES.items()}
            write_clip(files["video"], face.frames, speech, face.fps, sample_rate=face.sample_rate)
            write_sound(files["audio"], speech, face.sample_rate)
            arguments = [_fill(argument, files) for argument in split_template(self.template)]
            where = f"clip {face.id}: {Path(arguments[0]).name}"
            program_end = run_program(arguments, log, self.timeout_s)
            words = f". Its last words: {last}" if (last := last_line(log)) else ""
            words += f". All of them are in {log}" if self.logs else ""
            if program_end.timed_out:
                raise GeneratorError(
                    f"{where} took more than {self.timeout_s:g} s and was killed; see --timeout{words}"
                )
            if program_end.code != 0:
                raise GeneratorError(f"{where} {program_end}{words}")
            if not files["output"].exists():
                videos = _stray_videos(Path(folder), files)
                raise GeneratorError(f"{where} ended well but wrote no {{output}}, output.mp4{videos}{words}")
            try:
                video = read_clip(files["output"], face.id, sample_rate=face.sample_rate, sound="optional")
            except MediaError as error:
                raise GeneratorError(f"{where} wrote a video that cannot be used ({error}){words}") from None
        sound = video.speech if len(video.speech) else None
        return Rendered(video.frames, speech=sound, fps=video.fps, peak_bytes=program_end.peak_bytes)


_SUFFIXES = {"video": ".mkv", "audio": ".wav", "output": ".mp4"}


def _fill(argument: str, files: dict[str, Path]) -> str:
    """The argument with the files in their places, in one go: what a path holds is never replaced again."""
    return re.sub(r"\{(video|audio|output)\}", lambda placeholder: str(files[placeholder[1]]), argument)


def _stray_videos(folder: Path, files: dict[str, Path]) -> str:
    """Words that name the videos which a program wrote beside the file it should have written; empty where none."""
    names = sorted(path.name for path in folder.iterdir() if path not in files.values())
    videos = [name for name in names if name.lower().endswith(VIDEO_SUFFIXES)]
    return f" (but {', '.join(videos[:3])} beside it)" if videos else ""
