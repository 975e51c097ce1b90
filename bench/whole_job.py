"""The whole job against the usual tool chain, in one run: `python bench/whole_job.py REAL [--clips 10]`.

Job: PSNR, SSIM, LPIPS and FID of the whole frame, of clips and re-encoded copies moved by a pixel. The tool chain is
what people run today: every video to PNG files, scikit-image and lpips frame by frame, pytorch-fid on the folders.
lsbench scores the same files with each engine: with nothing kept of the reference, then a second generator with the
reference kept, in the same process. All use the same weights (those of `lsbench weights`, where Inception's and
AlexNet's are there, else random ones: then times and agreement count, values do not) and the same threads, start from
the video files, and run in a process of their own, one after the other, networks imported and code compiled before.

`of the floor`: what the networks' arithmetic alone would take, at the rate of a 3x3 convolution measured in this run.
Values differ by the decoders: PyAV's own conversion repeats chroma samples, lsbench interpolates them; and where there
are fewer frames than features, pytorch-fid's root is of a singular matrix. bench/inception.py and bench/lpips_speed.py
compare the same pixels.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from lsbench.media.files import find_clips, read_clip, write_clip

METRICS = ("psnr", "ssim", "lpips", "fid")
INCEPTION_GFLOP = 11.42  # a frame
ALEXNET_GFLOP_PER_PIXEL = 2.77 / (288 * 360)  # of a frame
FIRST, KEPT = "", ", reference kept"


@dataclass
class Outcome:
    """What one contender took. seconds; peak: of its process so far, MB; parts: seconds by metric, where known."""

    seconds: float
    peak: float
    values: dict[str, float]
    parts: dict[str, float] = field(default_factory=dict)


def tool_chain(root: Path, files: dict[str, Path]) -> dict[str, Outcome]:
    """PNG dumps, then scikit-image, lpips and pytorch-fid on them."""
    import av
    import pytorch_fid.fid_score
    import torch
    from peer_networks import lpips_network, pytorch_fid_network
    from PIL import Image
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    trunk, inception = lpips_network(files["alexnet"]), pytorch_fid_network(files["inception"])
    start = time.perf_counter()
    sides = {}
    for name in ("real", "made"):
        sides[name] = root / "png" / name
        sides[name].mkdir(parents=True)
        for clip_id, path in find_clips(root / name).items():
            with av.open(str(path)) as container:
                for index, frame in enumerate(container.decode(video=0)):
                    frame.to_image().save(sides[name] / f"{clip_id.replace('/', '_')}_{index:04}.png")
    psnr, ssim, distances = [], [], []
    for path in sorted(sides["real"].iterdir()):
        pair = [np.asarray(Image.open(side / path.name)) for side in sides.values()]
        psnr.append(peak_signal_noise_ratio(*pair, data_range=255))
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
        _, full = structural_similarity(*pair, channel_axis=2, full=True, **options)
        ssim.append(full[5:-5, 5:-5].mean())
        with torch.no_grad():
            tensors = [torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1 for image in pair]
            distances.append(float(trunk(*tensors)))
    network = mock.Mock(return_value=inception, BLOCK_INDEX_BY_DIM={2048: 3})
    with mock.patch.object(pytorch_fid.fid_score, "InceptionV3", network):
        paths = [str(side) for side in sides.values()]
        fid = pytorch_fid.fid_score.calculate_fid_given_paths(paths, 50, "cpu", 2048, num_workers=0)
    values = {"psnr": np.mean(psnr), "ssim": np.mean(ssim), "lpips": np.mean(distances), "fid": float(fid)}
    return {FIRST: Outcome(time.perf_counter() - start, peak(), values)}


def lsbench_by(engine: str, root: Path, files: dict[str, Path]) -> dict[str, Outcome]:
    """lsbench in one process: the generator that the tool chain scored, then another one."""
    import torch  # noqa: F401  (imported beforehand, as the tool chain's)

    import lsbench

    metrics = [f"fid:engine={engine}" if metric == "fid" and engine != "torch" else metric for metric in METRICS]

    def score(made: str, real: str) -> Outcome:
        parts: dict[str, float] = defaultdict(float)
        with timed_metrics(parts):
            start = time.perf_counter()
            result = lsbench.score(
                root / made, reference=root / real, metrics=metrics, regions=["whole"], weight_files=files
            )
            seconds = time.perf_counter() - start
        values = {key.partition("/")[0].partition(":")[0]: result[key] for key in result.scores}
        return Outcome(seconds, peak(), values, parts)

    os.environ["LSBENCH_CACHE"] = str(root / f"cache-{engine}")
    score("first use", "first use")  # compiles, and exports the network
    return {FIRST: score("made", "real"), KEPT: score("second", "real")}


def timed_metrics(parts: dict[str, float]) -> Any:
    """Add up the seconds of every metric by its name."""
    from lsbench.run import windows

    def timed(metric: Any, measure: Callable[..., Any], *given: Any) -> Any:
        start = time.perf_counter()
        stats = measure(*given)
        parts[metric.name] += time.perf_counter() - start
        return stats

    return mock.patch.object(windows, "_guarded", timed)


def peak() -> float:
    """Most memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def convolution_rate() -> float:
    """GFLOP/s of 3x3 convolutions, a batch on each thread, the best of five rounds."""
    import torch

    from lsbench.networks import batches

    frames, channels, side = 8, 192, 35
    images = torch.rand(frames, channels, side, side).contiguous(memory_format=torch.channels_last)
    layer = torch.nn.Conv2d(channels, channels, 3, padding=1).to(memory_format=torch.channels_last)
    count = 4 * torch.get_num_threads()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        batches.each(lambda _: layer(images), range(count), "cpu")
        times.append(time.perf_counter() - start)
    return count * frames * side**2 * 9 * channels**2 * 2 / min(times) / 1e9


def alone(work: Callable[..., Any], *given: Any) -> Any:
    """work(*given) in a process of its own."""
    pool = multiprocessing.get_context("spawn").Pool(1)
    try:
        return pool.apply(work, given)
    finally:
        pool.close()
        pool.join()


def write_videos(real: Path, clips: int, root: Path) -> tuple[int, float]:
    """Folders real, made and second of clips, and `first use` of one short clip: frames, and GFLOP of LPIPS a side."""
    found = find_clips(real)
    chosen = dict(list(found.items())[:: max(1, len(found) // clips)][:clips])
    count, lpips_gflop = 0, 0.0
    for clip_id, path in chosen.items():
        target = root / "real" / f"{clip_id}{path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        clip = read_clip(path, clip_id)
        for name, shift in {"made": 1, "second": 2}.items():
            write_clip(root / name / f"{clip_id}.mp4", np.roll(clip.frames, shift, axis=2), clip.speech, clip.fps)
        if not count:
            write_clip(root / "first use" / f"{clip_id}.mp4", clip.frames[:2], clip.speech[:1280], clip.fps)
        count += len(clip)
        lpips_gflop += clip.frames[..., 0].size * ALEXNET_GFLOP_PER_PIXEL
    return count, lpips_gflop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path, help="folder of real clips")
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--engine", nargs="+", default=["torch", *(["onnx"] if find_spec("onnxruntime") else [])])
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="lsbench-") as folder:
        root = Path(folder)
        count, lpips_gflop = write_videos(arguments.real, arguments.clips, root)
        from peer_networks import weight_files

        files, what = weight_files(root)
        outcomes = {
            f"lsbench, {engine}{kept}": outcome
            for engine in arguments.engine
            for kept, outcome in alone(lsbench_by, engine, root, files).items()
        }
        rate = alone(convolution_rate)
        peer = alone(tool_chain, root, files)[FIRST]

    print(f"{arguments.clips} clips, {count} pairs of frames, {os.cpu_count()} cores, {what}; {rate:.0f} GFLOP/s\n")
    print("| | s | ratio | of the floor | peak MB | psnr | ssim | lpips | fid, s of them |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for label, outcome in {"tool chain": peer, **outcomes}.items():
        sides = 1 if label.endswith(KEPT) else 2
        floor = sides * (count * INCEPTION_GFLOP + lpips_gflop) / rate
        parts = " | ".join(f"{outcome.parts[metric]:.1f}" if outcome.parts else "" for metric in METRICS)
        print(
            f"| {label} | {outcome.seconds:.1f} | {peer.seconds / outcome.seconds:.2f}x "
            f"| {floor / outcome.seconds:.0%} | {outcome.peak:.0f} | {parts} |"
        )
    print()
    for label, outcome in outcomes.items():
        if not label.endswith(KEPT):
            off = (f"{metric} {abs(outcome.values[metric] / peer.values[metric] - 1):.1e}" for metric in METRICS)
            print(f"{label}, values off the tool chain's, relative: {', '.join(off)}")


if __name__ == "__main__":
    main()
