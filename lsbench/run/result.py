"""What a finished run says: scores, and what they leave out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Protocol

from lsbench import registry
from lsbench.errors import RunError, UnknownScore
from lsbench.metrics._base.stats import Stats
from lsbench.run.shown import half, html_table, number, text_table


@dataclass(frozen=True)
class Partial:
    """One finished clip: its statistics by metric key, the sha256 of the two files, and the frames compared.

    frames: compared; reference_frames: of the reference clip. lag_frames: by which generated is late. notes: what was
    changed on the way from the files to the frames, and what was seen in them. left_out: frames without a face, of
    those compared, that face and mouth scores leave out: [first, last + 1] of each run of them. fps: frames a second;
    None where an older version of lsbench did not write it.
    """

    clip_id: str
    generated_sha256: str
    reference_sha256: str
    frames: int
    reference_frames: int
    lag_frames: int
    stats: Mapping[str, Stats]
    notes: Sequence[str] = ()
    left_out: Sequence[Sequence[int]] = ()
    fps: float | None = None


@dataclass(frozen=True)
class Score:
    """One value of a result.

    value: NaN where undefined; note: what a reader must know beside it; detail: what he may want (Metric.detail).
    low, high: a 95 % interval from within the clips, where they are too few to be drawn themselves and the metric has
    one.
    """

    value: float
    better: str
    signature: str
    frames: int
    note: str | None = None
    detail: Mapping[str, Any] | None = None
    low: float | None = None
    high: float | None = None

    @property
    def text(self) -> str:
        """The value, with half of the interval where there is one: `0.4123 ±0.0821`."""
        shown = number(self.value)
        if self.low is None or self.high is None:
            return shown
        return f"{shown} ±{half(self.value, (self.high - self.low) / 2)}"


@dataclass(frozen=True)
class Pace:
    """How fast the clips of a run were scored, those that were finished before left out.

    Attributes:
        doing: what was done with them.
        frames: of all clips, each pair of frames once.
        seconds: that all workers took side by side.
        device: where networks ran.
    """

    doing: str
    frames: int
    seconds: float
    device: str

    def __str__(self) -> str:
        rate = self.frames / self.seconds
        pace = f"{rate:.0f} a second" if rate >= 10 else f"{rate:.2g} a second"
        return f"{self.frames} frames {self.doing} in {self.seconds:.1f} s, {pace}, networks on {self.device}"


class Kept(Protocol):
    """What holds the clips of a result: a run folder."""

    @property
    def path(self) -> Path:
        """The folder."""

    def table(self) -> Any:
        """The values of every clip (see Run.table)."""

    def read_partial(self, clip_id: str, keys: Iterable[str] | None = None) -> Partial | None:
        """One finished clip (see Run.read_partial)."""


@dataclass(frozen=True, repr=False, eq=False)
class Result(Mapping[str, float]):
    """What came out of a run: a mapping of score keys such as `ssim/mouth` to values, over the clips that were scored.

    Attributes:
        name: of the run.
        path: the run's folder; None where it was not kept.
        protocol: what the run keeps of its protocol (see describe()).
        scores: by key, with direction, signature and note.
        clips: how many were scored.
        expected: how many the protocol has.
        failed: clip id -> why it could not be scored.
        extra: videos that match no clip.
        unavailable: score key -> why it could not be measured.
        lag_frames: clip id -> by how many frames it is late, where the alignment estimated that.
        compared_frames, reference_frames: frames that were compared, of those that the scored reference clips have.
        notes: clip id -> what was changed on the way from its files to the frames, and what was seen in them.
        kept: what holds its clips; None where it was not kept.
        values_by_clip: a table of every clip's values, where that is held in memory (see to_pandas).
        pace: how fast it was measured; None where it was finished before. It is not kept, and no part of what is equal.
    """

    name: str
    path: Path | None
    protocol: Mapping[str, Any]
    scores: Mapping[str, Score]
    clips: int
    expected: int
    failed: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)
    lag_frames: Mapping[str, int] = field(default_factory=dict)
    compared_frames: int = 0
    reference_frames: int = 0
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kept: Kept | None = None
    values_by_clip: Any = None
    pace: Pace | None = None

    @property
    def share(self) -> float:
        """Of the frames that could be compared, the share that was: 0 to 1."""
        return min(1.0, self.compared_frames / self.reference_frames) if self.reference_frames else 1.0

    @property
    def complete(self) -> bool:
        """Whether every clip of the protocol's manifest was scored."""
        return self.clips == self.expected

    def __getitem__(self, key: str) -> float:
        try:
            return self.scores[key].value
        except KeyError:
            raise UnknownScore(registry.unknown("score", str(key), self.scores)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    def __bool__(self) -> bool:
        return True  # one without scores is a result too

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Result):
            return NotImplemented
        return all(getattr(self, each.name) == getattr(other, each.name) for each in fields(self) if each.name in _SAID)

    __hash__ = None  # type: ignore[assignment]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.scores)

    def to_pandas(self, *, clips: bool = False) -> Any:
        """The scores as a table.

        Args:
            clips: the value of every clip instead.

        Returns:
            A pandas.DataFrame of the scores by key, with the columns value, better, frames, signature and note. Or, of
            clips, with clip_id, speaker, metric, region, value, frames and influence (and segments, see Run.table,
            where clips are cut), a row for each clip of each
            score, in the order of the manifest; value is NaN for scores of sets of clips.

        Raises:
            RunError: where clips are asked for and there is no table of them.
        """
        import pandas

        if clips:
            return self._clip_values()
        columns = ("value", "better", "frames", "signature", "note")
        rows = [[getattr(score, name) for name in columns] for score in self.scores.values()]
        return pandas.DataFrame(rows, index=pandas.Index(list(self.scores), name="score"), columns=list(columns))

    def frames(self, key: str) -> Any:
        """The value of every frame by one score, such as `ssim/mouth`.

        Args:
            key: of the score.

        Returns:
            A pandas.DataFrame with the columns clip, frame (from 0, of those compared) and value.

        Raises:
            RunError: where the run was not kept, or the score has no value for single frames.
        """
        from lsbench.run.frames import frame_table

        return frame_table(self, key)

    def forgotten(self) -> Result:
        """The same without its folder, which is about to go; the values of clips are held in memory."""
        values = self.kept.table() if self.kept is not None and self.scores else None
        return replace(self, path=None, kept=None, values_by_clip=values)

    def _clip_values(self) -> Any:
        if self.values_by_clip is not None:
            return self.values_by_clip
        if self.kept is None or not self.scores:
            raise RunError(f"run {self.name}: there are no values of clips; it was not kept, or is not finished")
        return self.kept.table()

    @property
    def state(self) -> str:
        """The run in a line: its name, how many clips, and where it is kept."""
        clips = f"{self.clips} of {self.expected} clips" if not self.complete else f"{self.clips} clips"
        return ", ".join(
            [f"run {self.name}", clips if self.complete else f"{clips}, incomplete", str(self.path or "not kept")]
        )

    def __repr__(self) -> str:
        header, rows = self._cells()
        table = f"\n{text_table(header, rows, left=(0, 2))}" if rows else ""
        return "\n".join([f"{self.state}{table}", *(f"{key}: not measured: {why}" for key, why in self._lacking())])

    def _repr_html_(self) -> str:
        """For a notebook."""
        return html_table(*self._cells(), caption=self.state)

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        rows = [[key, score.text, score.better, score.note or ""] for key, score in self.scores.items()]
        return ["score", "value", "better", "note"], rows

    def _lacking(self) -> list[tuple[str, str]]:
        by_reason: dict[str, list[str]] = {}
        for key, why in self.unavailable.items():
            by_reason.setdefault(why, []).append(key)
        return [(", ".join(keys), why) for why, keys in by_reason.items()]


_SAID = tuple(each.name for each in fields(Result) if each.name not in ("kept", "values_by_clip", "pace"))
