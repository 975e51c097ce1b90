"""A run on disk: run.json (what was asked), clips/ (finished clips), clips.parquet and result.json (what came out)."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lsbench.errors import RunError, reason
from lsbench.metrics._base.stats import Stats
from lsbench.run import forms
from lsbench.run.conditions import Conditions, started_otherwise
from lsbench.run.forms import FORMAT, SEGMENTS, TABLE
from lsbench.run.result import Partial, Result, Score
from lsbench.system import arrays, strict_json
from lsbench.system.cache import write_atomically
from lsbench.system.locks import exclusive
from lsbench.system.outputs import demand_folder
from lsbench.system.strict_json import encode

__all__ = ["FORMAT", "SEGMENTS", "TABLE", "Run"]

VERB = "lsbench score"
_MORE = ("detail", "low", "high")  # of a score, that are written only where there are some

_log = logging.getLogger(__name__)


class Run:
    """RUNS/NAME/, written so that a killed run is resumed by the same request.

    What it says (request, conditions, result, table) is read once, and again only where a file has changed since.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._read_before: dict[str, tuple[tuple[int, int], Any]] = {}

    @classmethod
    def of(cls, result: Result) -> Run:
        """The folder of a result; RunError where it was not kept."""
        if isinstance(result.kept, Run):
            return result.kept
        if result.path is None:
            raise RunError(f"run {result.name} was not kept; pass out=FOLDER to score()")
        return cls(result.path)

    def inputs(self) -> list[Path]:
        """Its folder, and those of the clips and the videos that it was made of, where it says so; none of them may
        be written into by what is made of it."""
        said = [self.request().get(name) for name in ("reference", "generated")]
        return [self.path, *(Path(path) for path in said if isinstance(path, str) and Path(path).is_absolute())]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from scoring into this folder at the same time; RunError where one does already."""
        path = self.path.parent / f".{self.path.name}.lock"
        with ExitStack() as stack:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(exclusive(path, wait=False))
            except BlockingIOError:
                raise RunError(
                    f"run {self.path} is being scored by another process; wait for it, or pass another --name"
                ) from None
            except OSError as error:
                raise RunError(f"run {self.path}: {path} cannot be written ({error})") from error
            yield

    def demand_place(self, inputs: Iterable[Path] = (), verb: str = VERB) -> None:
        """Raise OutputError where something else lies in its folder, or its folder is or holds one of the inputs."""
        demand_folder(self.path, verb, lambda folder: (folder / "run.json").is_file(), inputs, "--name or --out")

    def open(self, request: Mapping[str, Any]) -> None:
        """Start the run, or go on with it.

        Metrics, and the weights they need, may come and go between requests of one run, and where the reference clips
        lie may change: what they hold is part of the protocol's digest.

        Raises:
            OutputError: where something else lies in its folder.
            RunError: naming a field in which its finished clips were made otherwise.
        """
        self.demand_place()
        if (self.path / "run.json").exists():
            before = self.request()  # RunError where it is another's
            if (self.path / "result.json").exists() or any((self.path / "clips").rglob("*.npz")):
                for name in ("name", "generated"):
                    if before.get(name, request.get(name)) != request.get(name, before.get(name)):
                        raise started_otherwise(self.path, name, before[name], request[name])
                self.conditions.demand_same(Conditions.read(request, "the request"), self.path)
            self._write("run.json", strict_json.text(request))
            return
        self._write("run.json", strict_json.text(request))

    def request(self) -> Mapping[str, Any]:
        """run.json: what was asked."""
        if not (self.path / "run.json").exists():
            raise RunError(f"{self.path} is not a run folder (no run.json)")
        request: Mapping[str, Any] = self._once("run.json", self._read_request)
        return request

    @property
    def conditions(self) -> Conditions:
        """What it was made under; RunError where run.json does not say."""
        return Conditions.read(self.request(), str(self.path / "run.json"))

    def write_partial(self, partial: Partial) -> None:
        """Keep one finished clip, whole or not at all; a column that several metrics share is stored once."""
        columns: dict[str, Any] = {}
        names: dict[int, str] = {}
        metrics: dict[str, dict[str, str]] = {}
        for key, stats in partial.stats.items():
            metrics[key] = {}
            for column, values in stats.items():
                name = names.setdefault(id(values), str(len(names)))
                columns[name] = values
                metrics[key][column] = name
        head = vars(partial) | {"format": FORMAT, "stats": metrics}
        columns["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
        self._write_clip(partial.clip_id, lambda file: arrays.pack(file, columns))

    def partial_bytes(self, clip_id: str) -> bytes:
        """A finished clip as it lies on disk, for write_partial_bytes() of the same run elsewhere."""
        return self._partial(clip_id).read_bytes()

    def write_partial_bytes(self, clip_id: str, content: bytes) -> None:
        """Keep a clip that was finished in another folder of this run."""
        self._write_clip(clip_id, lambda file: file.write(content))

    def read_partial(self, clip_id: str, keys: Iterable[str] | None = None) -> Partial | None:
        """A finished clip with the statistics of `keys` (all if None); None where there is none, or a damaged one."""
        try:
            with arrays.opened(self._partial(clip_id)) as data:
                head = forms.HEAD(strict_json.parse(bytes(data["head"])), "")
                if head["clip_id"] != clip_id:
                    return None
                columns = head.pop("stats")
                del head["format"]
                values: dict[str, np.ndarray] = {}  # a column that several metrics share is read once
                stats = {}
                for key in columns if keys is None else keys:
                    for name in columns[key].values():
                        values[name] = _numbers(data[name]) if name not in values else values[name]
                    stats[key] = Stats(**{column: values[name] for column, name in columns[key].items()})
                return Partial(stats=stats, **head)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _log.debug("clip %s: its finished part in %s is not used: %r", clip_id, self.path, error)
            return None

    def finish(self, result: Result, table: Mapping[str, Sequence[Any]]) -> None:
        """Write clips.parquet (the columns of TABLE, and SEGMENTS where clips are cut), then result.json.

        Args:
            result: of the run.
            table: by column, an entry for each metric of each clip.
        """
        import pandas

        kinds = {"value": "float64", "frames": "int64", "influence": "float64"}
        frame = pandas.DataFrame(table, columns=[*TABLE, *([SEGMENTS] if SEGMENTS in table else [])]).astype(kinds)
        write_atomically(self.path / "clips.parquet", lambda file: frame.to_parquet(file, index=False))
        content = {
            "format": FORMAT,
            "name": result.name,
            "protocol": result.protocol,
            "clips": result.clips,
            "expected": result.expected,
            "complete": result.complete,
            "scores": {key: _written(score) for key, score in result.scores.items()},
            "failed": result.failed,
            "extra": result.extra,
            "unavailable": result.unavailable,
            "lag_frames": result.lag_frames,
            "frames": result.compared_frames,
            "reference_frames": result.reference_frames,
        }
        content |= {"notes": result.notes} if result.notes else {}
        self._write("result.json", strict_json.text(content))

    def table(self) -> Any:
        """clips.parquet as a pandas.DataFrame, in manifest order; RunError where it cannot be read.

        value: of the clip on its own. influence: how much the clip moves the score (see _base/influence.py); NaN
        throughout where the run was scored before there was such a column. segments, where the clips are cut: the same
        of each segment of the clip, an array; NaN for one that was not compared, and throughout where a score has no
        statistics of segments.
        """
        path = self.path / "clips.parquet"
        result = self.result()
        most = max(1, len(result.scores)) * result.expected
        try:
            table = self._once(path.name, lambda _: forms.read_table(path, most))
        except (OSError, ValueError) as error:
            raise RunError(
                f"{path}: not readable: {reason(error)}; score the run again, finished clips are kept"
            ) from error
        return table if "influence" in table.columns else table.assign(influence=math.nan)

    def discard_result(self) -> None:
        """Remove result.json while clips are being scored again, so that it never speaks for other clips."""
        (self.path / "result.json").unlink(missing_ok=True)

    def result(self) -> Result:
        """What result.json says; without it, an incomplete result with no scores and the number of finished clips."""
        protocol = self.conditions.protocol
        if not (self.path / "result.json").exists():
            finished, expected = sum(1 for _ in (self.path / "clips").rglob("*.npz")), protocol.get("clips")
            if not isinstance(expected, int):
                raise RunError(f"{self.path / 'run.json'}: it does not say how many clips the protocol has")
            clips = min(finished, expected - 1)
            return Result(self.path.name, self.path, protocol, {}, clips=clips, expected=expected, kept=self)
        path = self.path / "result.json"
        content: dict[str, Any] = dict(self._once(path.name, self._read_result))
        scores = {key: Score(**score) for key, score in content.pop("scores").items()}
        for name in ("format", "complete"):
            content.pop(name, None)
        return Result(path=self.path, scores=scores, compared_frames=content.pop("frames"), kept=self, **content)

    def _once(self, name: str, read: Callable[[str], Any]) -> Any:
        """What read(name) gives of a file of the run, read again only where the file has changed."""
        try:
            stat = (self.path / name).stat()
        except OSError:
            return read(name)
        stamp = stat.st_mtime_ns, stat.st_size
        if self._read_before.get(name, (None,))[0] != stamp:
            self._read_before[name] = stamp, read(name)
        return self._read_before[name][1]

    def _write_clip(self, clip_id: str, write: Callable[[BinaryIO], object]) -> None:
        path = self._partial(clip_id)
        try:
            write_atomically(path, write)
        except OSError as error:
            raise RunError(f"clip {clip_id}: {path} cannot be written ({error})") from error

    def _partial(self, clip_id: str) -> Path:
        return self.path / "clips" / f"{clip_id}.npz"

    def _read_request(self, name: str) -> dict[str, Any]:
        content = self._read(name)
        Conditions.read(content, str(self.path / name))
        return content

    def _read_result(self, name: str) -> dict[str, Any]:
        try:
            content: dict[str, Any] = forms.RESULT(self._read(name), "")
            if content["clips"] > content["expected"]:
                raise ValueError(f"clips is {content['clips']}; expected at most {content['expected']}")
        except ValueError as fault:
            raise RunError(
                f"{self.path / name}: {fault}. It is not a result as lsbench writes it; score the run again, finished "
                "clips are kept"
            ) from fault
        return content

    def _read(self, name: str) -> dict[str, Any]:
        try:
            content = strict_json.read(self.path / name)
        except (OSError, ValueError) as error:
            raise RunError(
                f"{self.path / name}: not readable: {reason(error)}; score the run again, finished clips are kept"
            ) from error
        if content.get("format") != FORMAT:
            raise RunError(f"{self.path / name}: not written by this version of lsbench (format {FORMAT} expected)")
        return content

    def _write(self, name: str, text: str) -> None:
        try:
            write_atomically(self.path / name, lambda file: file.write(text.encode()))
        except OSError as error:
            raise RunError(f"{self.path / name}: cannot be written ({error})") from error


def _numbers(array: Any) -> np.ndarray:
    """An array of numbers; ValueError for anything else."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf" or not array.ndim:
        raise ValueError("a column holds no numbers")
    return array


def _written(score: Score) -> dict[str, Any]:
    """A score as result.json holds it; detail and interval only where there are some."""
    content = vars(score) | {"value": encode(score.value)}
    return {name: value for name, value in content.items() if name not in _MORE or value is not None}
