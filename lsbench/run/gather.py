"""Where the ranks of a run meet: one run folder that all see, or one a machine, gathered in the first rank's."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lsbench.run.folder import Run
from lsbench.run.result import Result
from lsbench.system import ranks


@dataclass(frozen=True)
class Meeting:
    """The run folder of this rank, and which ranks see that of rank 0: sees[r].

    held: clip id -> the first rank whose folder had it finished before the run went on.
    """

    run: Run
    sees: tuple[bool, ...] = (True,)
    held: dict[str, int] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def at(cls, run: Run, request: Mapping[str, Any]) -> Iterator[Meeting]:
        """Open the run in every folder that there is of it, locked against other processes until the end."""
        if ranks.rank() > 0:
            (name,) = {token for token in ranks.everyones("") if token}
            sees = ranks.everyones((run.path / name).exists())
            if not sees[ranks.rank()]:
                run.open(request)
            yield cls(run, tuple(sees))
            return
        with run.locked():
            run.open(request)
            token = run.path / f".{uuid.uuid4().hex}.token"
            if ranks.world() > 1:
                token.touch()
            try:
                ranks.everyones(token.name)
                sees = ranks.everyones(True)
            finally:
                token.unlink(missing_ok=True)
            yield cls(run, tuple(sees))

    def finished(self, mine: Sequence[str]) -> Collection[str]:
        """The clips that any rank has finished, of which this one sees `mine`."""
        for rank, clip_ids in enumerate(ranks.everyones(list(mine))):
            for clip_id in clip_ids:
                self.held.setdefault(clip_id, rank)
        return self.held.keys()

    def gather(self, scored: Sequence[str], failed: Collection[str]) -> None:
        """Bring all finished clips into the folder of rank 0. scored: those of this run, dealt to the ranks in turn."""
        owner = self.held | {clip_id: place % ranks.world() for place, clip_id in enumerate(scored)}
        for clip_id, rank in owner.items():
            if self.sees[rank] or clip_id in failed:
                continue
            if ranks.rank() == rank:
                ranks.send(self.run.partial_bytes(clip_id), 0)
            elif ranks.rank() == 0:
                self.run.write_partial_bytes(clip_id, ranks.receive(rank))

    def conclude(self, finish: Callable[[], Result]) -> Result:
        """What finish() gives on rank 0, on every rank."""
        return next(result for result in ranks.everyones(finish() if ranks.rank() == 0 else None) if result)
