"""Clips that are measured window by window: what is left out and said of it, and what must be seen whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

import lsbench
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import MetricError
from lsbench.face.tracker import load_track, save_track, sidecar
from lsbench.media.files import find_clips, read_clip, write_clip
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics.ssim import SSIM
from lsbench.report.text.remarks import notes
from lsbench.run import windows


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_corpus(folder, clips=2)
    return folder


def hidden(reference: Path, start: int, stop: int) -> None:
    """Take the face away from some frames of the first clip."""
    path = sidecar(next(iter(find_clips(reference).values())))
    track = load_track(path)
    found, landmarks = track.found.copy(), track.landmarks.copy()
    found[start:stop], landmarks[start:stop] = False, np.nan
    save_track(path, replace(track, found=found, landmarks=landmarks))


def test_frames_without_a_face_are_left_out_and_counted(tmp_path: Path) -> None:
    reference = tmp_path / "real"
    write_corpus(reference, speakers=1, clips=1)
    before = lsbench.score("noisy-frame", reference=reference, metrics=["ssim", "psnr"], out=tmp_path, name="before")
    hidden(reference, 10, 22)
    result = lsbench.score(
        tmp_path / "before/videos", reference=reference, metrics=["ssim", "psnr"], out=tmp_path, name="after"
    )
    (clip,) = before.frames("ssim/mouth")["clip"].unique()
    every = before.frames("ssim/whole")["value"].to_numpy()
    assert result["ssim/whole"] == before["ssim/whole"] and len(every) == 50
    values = result.frames("ssim/mouth")["value"].to_numpy()
    assert len(values) == len(every) and np.isnan(values[10:22]).all() and not np.isnan(values[22:]).any()
    assert result["ssim/mouth"] == pytest.approx(np.nanmean(values), rel=1e-12)
    said = "\n".join(notes(result))
    assert f"12 of {len(every)} frames left out: no face in the reference" in said
    assert f"clip {clip}: reference: no face in frames 10-21" in said
    assert "left out" not in (result.scores["ssim/whole"].note or "")


@dataclass(frozen=True, kw_only=True)
class AtOnce(Metric):
    """Sees a clip whole."""

    name: ClassVar[str] = "at_once"
    asks: ClassVar[str] = "Is it seen whole?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "this test"

    def measure(self, pair: ClipPair) -> Stats:
        return Stats(frames=np.array([float(len(pair.crop(self.region)[0]))]))  # type: ignore[arg-type]

    def compute(self, stats: Stats) -> float:
        return float(stats["frames"].sum())


def test_a_metric_that_says_no_reach_sees_clips_whole_up_to_a_size(
    reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "WINDOW_BYTES", 1)
    result = lsbench.score("late", reference=reference, metrics=[AtOnce, SSIM], regions=["whole"])
    (key,) = (key for key in result if "AtOnce" in key)
    assert result[key] == result.compared_frames
    monkeypatch.setattr(windows, "WHOLE_BYTES", 1 << 20)
    with pytest.raises(MetricError, match=r"AtOnce/whole must see the clip at once.*Leave the metric out, or cut"):
        lsbench.score("late", reference=reference, metrics=[AtOnce, SSIM], regions=["whole"])


def test_a_clip_that_its_container_says_is_too_large_is_refused_before_it_is_decoded(
    reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip_id, source = next(iter(find_clips(reference).items()))
    clip = read_clip(source, clip_id)
    for side in ("real", "made"):
        write_clip(tmp_path / side / "a.mp4", clip.frames, clip.speech, clip.fps)
    size = 2 * clip.frames.nbytes
    arguments: dict[str, Any] = {"reference": tmp_path / "real", "metrics": [AtOnce], "regions": ["whole"]}
    monkeypatch.setattr(windows, "WHOLE_BYTES", size)
    assert lsbench.score(tmp_path / "made", **arguments).complete

    def decode(*_: Any) -> Any:
        raise AssertionError("it was decoded")

    monkeypatch.setattr("lsbench.media.decode._Reel.frames", decode)
    monkeypatch.setattr(windows, "WHOLE_BYTES", size // 2)
    with pytest.raises(MetricError, match=rf"clip a: .*must see the clip at once, and its {len(clip)} frames take"):
        lsbench.score(tmp_path / "made", **arguments)
    monkeypatch.setattr(windows, "WHOLE_BYTES", size - 1)  # not surely too large: decoding tells
    with pytest.raises(AssertionError, match="it was decoded"):
        lsbench.score(tmp_path / "made", **arguments)
