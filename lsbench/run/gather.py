"""Where the ranks of a run meet: one run folder that all see, or one a machine, gathered in the first rank's."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from lsbench.run.folder import Run
from lsbench.run.result import Result
from lsbench.system.ranks import Ranks


@dataclass(frozen=True)
class Shared:
    """A run that is open for writing, by one process or by several.

    Attributes:
        run: the run folder of this rank.
        ranks: who works on it.
        sees: by rank, whether it sees the folder of the first.
        finished_by: clip id -> the first rank whose folder had it finished before the run went on.
    """

    run: Run
    ranks: Ranks
    sees: tuple[bool, ...] = (True,)
    finished_by: dict[str, int] = field(default_factory=dict)

    def finished(self, mine: Sequence[str]) -> Collection[str]:
        """The clips that any rank has finished, of which this one sees `mine`."""
        for rank, clip_ids in enumerate(self.ranks.everyones(list(mine))):
            for clip_id in clip_ids:
                self.finished_by.setdefault(clip_id, rank)
        return self.finished_by.keys()

    def gather(self, scored: Mapping[str, int], failed: Collection[str]) -> None:
        """Bring all finished clips into the folder of the first rank. scored: clip id -> the rank that scored it."""
        makers = {**self.finished_by, **scored}
        for clip_id, rank in makers.items():
            if self.sees[rank] or clip_id in failed:
                continue
            if self.ranks.rank == rank:
                self.ranks.send(self.run.partial_bytes(clip_id), 0)
            elif self.ranks.first:
                self.run.write_partial_bytes(clip_id, self.ranks.receive(rank))

    def conclude(self, finish: Callable[[], Result]) -> Result:
        """What finish() gives on the first rank, on every rank."""
        return cast(Result, self.ranks.firsts(finish() if self.ranks.first else None))


@contextmanager
def opened(run: Run, request: Mapping[str, Any], ranks: Ranks, inputs: Sequence[Path] = ()) -> Iterator[Shared]:
    """Open a run in every folder that there is of it, locked against other processes until the end.

    inputs: what it is made of, see Run.demand_place().
    """
    run.demand_place(inputs)
    ranks.join()
    if not ranks.first:
        (name,) = {token for token in ranks.everyones("") if token}
        sees = ranks.everyones((run.path / name).exists())
        if not sees[ranks.rank]:
            run.open(request)
        yield Shared(run, ranks, tuple(sees))
        return
    with run.locked():
        run.open(request)
        token = run.path / f".{uuid.uuid4().hex}.token"
        if ranks.size > 1:
            token.touch()
        try:
            ranks.everyones(token.name)
            sees = ranks.everyones(True)
        finally:
            token.unlink(missing_ok=True)
        yield Shared(run, ranks, tuple(sees))
