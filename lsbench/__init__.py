"""lsbench: benchmark metrics for audio-driven lip-sync and talking-face generators.

Everything that a user needs is a name of this package; each is imported when it is first used, so that `import lsbench`
costs next to nothing.

    result = lsbench.score("generated/", reference="real/", out="runs")
    result["ssim/mouth"], result.to_pandas(), result.frames("ssim/mouth")
    lsbench.leaderboard(["runs/mine", "runs/theirs"], rank_by="ssim/mouth")
    lsbench.metrics.ssim.ssim(reference, generated)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lsbench import metrics
    from lsbench.auditing.audit import audit
    from lsbench.board.board import Board
    from lsbench.board.compare import compare
    from lsbench.board.rank import leaderboard
    from lsbench.corpus.grid.prepare import prepare
    from lsbench.errors import (
        AlignmentError,
        ArtifactError,
        BundleError,
        ComparisonError,
        CorpusError,
        FaceError,
        GeneratorError,
        LsbenchError,
        MatchError,
        MediaError,
        MetricError,
        ProtocolError,
        RunError,
        StudyError,
        TrainingError,
        UnknownScore,
        WeightsError,
    )
    from lsbench.face.track import FaceTrack, Region
    from lsbench.generation.generator import Generator, Rendered
    from lsbench.generation.render import generate
    from lsbench.media.clip import Clip
    from lsbench.media.files import read_clip, write_clip
    from lsbench.metrics._base.catalogue import metric
    from lsbench.metrics._base.frame_metric import FrameMetric
    from lsbench.metrics._base.metric import Metric
    from lsbench.metrics._base.pair import ClipPair
    from lsbench.metrics._base.regions import crop
    from lsbench.metrics._base.stats import Stats
    from lsbench.protocol.protocol import Protocol
    from lsbench.protocol.protocol import load as load_protocol
    from lsbench.run import anchors
    from lsbench.run.folder import Run
    from lsbench.run.result import Result
    from lsbench.run.score import score, score_all

__version__ = "0.1.0"

# Where each name comes from: `module:attribute`, or a module.
_NAMES = {
    "score": "lsbench.run.score:score",
    "score_all": "lsbench.run.score:score_all",
    "generate": "lsbench.generation.render:generate",
    "leaderboard": "lsbench.board.rank:leaderboard",
    "compare": "lsbench.board.compare:compare",
    "audit": "lsbench.auditing.audit:audit",
    "prepare": "lsbench.corpus.grid.prepare:prepare",
    "anchors": "lsbench.run.anchors",
    "Run": "lsbench.run.folder:Run",
    "Result": "lsbench.run.result:Result",
    "Board": "lsbench.board.board:Board",
    "Protocol": "lsbench.protocol.protocol:Protocol",
    "load_protocol": "lsbench.protocol.protocol:load",
    "Clip": "lsbench.media.clip:Clip",
    "FaceTrack": "lsbench.face.track:FaceTrack",
    "Region": "lsbench.face.track:Region",
    "read_clip": "lsbench.media.files:read_clip",
    "write_clip": "lsbench.media.files:write_clip",
    "crop": "lsbench.metrics._base.regions:crop",
    "Metric": "lsbench.metrics._base.metric:Metric",
    "FrameMetric": "lsbench.metrics._base.frame_metric:FrameMetric",
    "Stats": "lsbench.metrics._base.stats:Stats",
    "ClipPair": "lsbench.metrics._base.pair:ClipPair",
    "metric": "lsbench.metrics._base.catalogue:metric",
    "metrics": "lsbench.metrics",
    "Generator": "lsbench.generation.generator:Generator",
    "Rendered": "lsbench.generation.generator:Rendered",
    "LsbenchError": "lsbench.errors:LsbenchError",
    "MediaError": "lsbench.errors:MediaError",
    "FaceError": "lsbench.errors:FaceError",
    "AlignmentError": "lsbench.errors:AlignmentError",
    "MatchError": "lsbench.errors:MatchError",
    "GeneratorError": "lsbench.errors:GeneratorError",
    "ArtifactError": "lsbench.errors:ArtifactError",
    "MetricError": "lsbench.errors:MetricError",
    "ProtocolError": "lsbench.errors:ProtocolError",
    "CorpusError": "lsbench.errors:CorpusError",
    "WeightsError": "lsbench.errors:WeightsError",
    "TrainingError": "lsbench.errors:TrainingError",
    "RunError": "lsbench.errors:RunError",
    "UnknownScore": "lsbench.errors:UnknownScore",
    "BundleError": "lsbench.errors:BundleError",
    "ComparisonError": "lsbench.errors:ComparisonError",
    "StudyError": "lsbench.errors:StudyError",
}
__all__ = [
    "AlignmentError",
    "ArtifactError",
    "Board",
    "BundleError",
    "Clip",
    "ClipPair",
    "ComparisonError",
    "CorpusError",
    "FaceError",
    "FaceTrack",
    "FrameMetric",
    "Generator",
    "GeneratorError",
    "LsbenchError",
    "MatchError",
    "MediaError",
    "Metric",
    "MetricError",
    "Protocol",
    "ProtocolError",
    "Region",
    "Rendered",
    "Result",
    "Run",
    "RunError",
    "Stats",
    "StudyError",
    "TrainingError",
    "UnknownScore",
    "WeightsError",
    "__version__",
    "anchors",
    "audit",
    "compare",
    "crop",
    "generate",
    "leaderboard",
    "load_protocol",
    "metric",
    "metrics",
    "prepare",
    "read_clip",
    "score",
    "score_all",
    "write_clip",
]


if not TYPE_CHECKING:  # a type checker knows the names above, and no others

    def __getattr__(name: str) -> Any:
        """A name of the front door, imported when it is first used."""
        if name not in _NAMES:
            from lsbench.registry import unknown

            raise AttributeError(f"module 'lsbench': {unknown('name', name, _NAMES)}")
        module, _, attribute = _NAMES[name].partition(":")
        value = getattr(import_module(module), attribute) if attribute else import_module(module)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*__all__, *globals()})
