"""What a run keeps of its protocol (see describe()): the kinds of its rules, which protocol files hold too."""

from __future__ import annotations

from lsbench.system.shape import Kind, maybe, name, number, record, whole

MOST_FPS = 1000
MOST_FRAMES = 10_000_000  # of a clip: four days of video
MOST_SAMPLE_RATE = 768_000  # Hz
MOST_SEGMENT_S = 86_400.0

FPS = number(0, MOST_FPS, above=True)
FRAMES = whole(1, MOST_FRAMES)
SAMPLE_RATE = whole(1, MOST_SAMPLE_RATE)
FACELESS = number(0, 1)
SEGMENT_S = number(0, MOST_SEGMENT_S, above=True)

_OPTIONAL = {
    "fps": maybe(FPS),
    "frames": maybe(FRAMES),
    "sample_rate": SAMPLE_RATE,
    "faceless": FACELESS,
    "segment_s": maybe(SEGMENT_S),
    **dict.fromkeys(("align", "task", "identity", "color", "drive", "face", "fit", "fit_method", "rate"), name),
    "manifest_sha256": name,
    "rank_by": name,
}
_NAMES = {"name": name, "version": name, "clips": whole()}

FACTS: Kind = record({"digest": name}, _NAMES | _OPTIONAL)
NAMED_FACTS: Kind = record({"digest": name, **_NAMES}, _OPTIONAL)
