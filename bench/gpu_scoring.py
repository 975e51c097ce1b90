"""The whole job on a GPU against pytorch-fid, lpips and torchmetrics: `python bench/gpu_scoring.py [REAL]`.

Job: PSNR, SSIM, LPIPS and FID of the whole frame, from video files of 360x288 px and 75 frames; the aim is 1,000 pairs
of frames a second. lsbench runs as `lsbench score --device cuda` does, one process with as many threads as there are
cores, in exact float32. The peers run as they come, where cuDNN rounds to TF32, and in exact float32 as well; all have
the same weights (those of `lsbench weights`, else random ones: then times count, values do not). Rates are pairs of
frames a second; the peers' leave out FID's distance, which takes them seconds whatever the number of frames. Values
agree where both saw the same clips: those of the peers are fewer, and the last row of lsbench is on them.

Everything is made here: without REAL, a folder of clips, the toy corpus lends pictures. Without a GPU the same steps
run on `cpu:0` with few small clips: a rehearsal, whose times mean nothing.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from peer_networks import lpips_network, pytorch_fid_network, torchmetrics_metrics, weight_files

import lsbench
from lsbench.corpus.toy.render import render
from lsbench.media.clip import Clip
from lsbench.media.files import find_clips, read_clip, write_clip
from lsbench.metrics.lpips import lpips_frames
from lsbench.networks import alexnet, batches, inception
from lsbench.networks.features import INCEPTION, frame_features
from lsbench.system.pool import cores

METRICS = ("psnr", "ssim", "lpips", "fid")
BATCH = {"lpips": 25, "pytorch-fid": 50, "torchmetrics": 64}  # the last: of its frames that are held at once

Pairs = list[tuple[Path, Path]]


@dataclass(frozen=True)
class Size:
    """How much is measured: clips by lsbench, by the peers; their frames; frames of the networks alone."""

    clips: int
    peer_clips: int
    frames: int
    height: int
    width: int
    batches: tuple[int, ...]


CARD = Size(clips=64, peer_clips=8, frames=75, height=288, width=360, batches=(16, 32, 64, 128))
REHEARSAL = Size(clips=3, peer_clips=1, frames=6, height=64, width=80, batches=(2,))


def pictures(real: Path | None, size: Size) -> list[Clip]:
    """A few clips of the size, to be moved and copied."""
    if real:
        clips = [read_clip(path, clip_id) for clip_id, path in list(find_clips(real).items())[:8]]
        return [Clip(clip.id, clip.frames[: size.frames], clip.speech, clip.fps) for clip in clips]
    clips = []
    for index in range(2):
        clip, _ = render(index + 1, 0, frames=size.frames, size=min(size.height, size.width))
        margin = size.width - clip.frames.shape[2]
        clips.append(Clip(clip.id, np.pad(clip.frames, ((0, 0),) * 2 + ((0, margin), (0, 0)), "wrap"), clip.speech, 25))
    return clips


def write_videos(root: Path, clips: list[Clip], count: int) -> None:
    """Folders real, made and second, of `count` clips without a frame in common."""
    random = np.random.default_rng(0)

    def write(place: int) -> None:
        clip = clips[place % len(clips)]
        real = np.roll(clip.frames, place // len(clips), axis=2)
        noise = random.integers(-12, 13, real.shape[1:], np.int16)
        sides = {"real": real, "made": np.clip(real + noise, 0, 255).astype(np.uint8), "second": np.roll(real, 1, 1)}
        for name, frames in sides.items():
            write_clip(root / name / f"c{place:03}.mp4", frames, clip.speech, clip.fps)

    write(0)
    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(write, range(1, count)))


def by_lsbench(root: Path, files: dict[str, Path], device: str, workers: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Each part of the job alone, all of it, and all of it once more with the reference kept."""
    jobs: list[tuple[str, tuple[str, ...], str]]
    jobs = [(" + ".join(part), part, "made") for part in (METRICS[:2], METRICS[2:3], METRICS[3:])]
    jobs += [("all four", METRICS, "made"), ("all four, another generator, reference kept", METRICS, "second")]
    jobs += [("all four, the peers' clips", METRICS, "peers/made")]
    for label, metrics, made in jobs:
        if "kept" not in label:
            os.environ["LSBENCH_CACHE"] = str(root / "caches" / label)
        reset(device)
        start = time.perf_counter()
        result = lsbench.score(
            root / made,
            reference=root / ("peers/real" if "peers" in made else "real"),
            metrics=metrics,
            regions=["whole"],
            weight_files=files,
            device=device,
            workers=workers,
        )
        seconds = time.perf_counter() - start
        rate = result.pace.frames / result.pace.seconds if result.pace else 0.0
        row = {"pairs a second": rate, "with folding": result.compared_frames / seconds, "GPU GB": peak(device)}
        yield f"lsbench: {label}", row | {key.partition("/")[0]: result[key] for key in result.scores}


def by_lpips(pairs: Pairs, files: dict[str, Path], device: str) -> dict[str, float]:
    """The package lpips, in batches of decoded frames."""
    network = lpips_network(files["alexnet"]).to(device)
    distances, total = [], 0
    start = time.perf_counter()
    with torch.inference_mode():
        for reference, generated in decoded(pairs):
            for at in range(0, len(reference), BATCH["lpips"]):
                both = (on(device, frames[at : at + BATCH["lpips"]]) / 127.5 - 1 for frames in (reference, generated))
                distances.append(network(*both).flatten().cpu())
            total += len(reference)
    seconds = time.perf_counter() - start
    return {"pairs a second": total / seconds, "lpips": float(torch.cat(distances).mean())}


def by_pytorch_fid(pairs: Pairs, files: dict[str, Path], device: str) -> dict[str, float]:
    """pytorch-fid's way: every frame as a PNG file, read by its loader's processes."""
    from pytorch_fid.fid_score import compute_statistics_of_path

    network = pytorch_fid_network(files["inception"]).to(device)
    with tempfile.TemporaryDirectory() as folder:
        start, total = time.perf_counter(), 0
        for side in range(2):
            (Path(folder) / str(side)).mkdir()
            for place, pair in enumerate(pairs):
                with av.open(str(pair[side])) as container:
                    for index, frame in enumerate(container.decode(video=0)):
                        frame.to_image().save(Path(folder, str(side), f"{place:03}_{index:04}.png"))
                        total += 1 - side
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # its progress
                loaders = min(8, cores()) if on_card(device) else 0
                compute_statistics_of_path(f"{folder}/{side}", network, BATCH["pytorch-fid"], 2048, device, loaders)
        seconds = time.perf_counter() - start
    return {"pairs a second": total / seconds}


def by_torchmetrics(pairs: Pairs, files: dict[str, Path], device: str) -> dict[str, float]:
    """torchmetrics' four, in batches of decoded frames."""
    metrics, total = torchmetrics_metrics(files, device), 0
    start = time.perf_counter()
    with torch.inference_mode():
        for reference, generated in decoded(pairs):
            for at in range(0, len(reference), BATCH["torchmetrics"]):
                part = slice(at, at + BATCH["torchmetrics"])
                real, made = (on(device, frames[part]) / 255 for frames in (reference, generated))
                for name in METRICS[:3]:
                    metrics[name].update(made, real)
                metrics["fid"].update(real, real=True)
                metrics["fid"].update(made, real=False)
            total += len(reference)
        values = {name: float(metrics[name].compute()) for name in METRICS[:3]}  # this waits for the device
        seconds = time.perf_counter() - start
        values["fid"] = float(metrics["fid"].compute()) if on_card(device) else float("nan")
    return {"pairs a second": total / seconds, **values}


def alone(clip: Clip, files: dict[str, Path], device: str, size: Size) -> Iterator[tuple[str, dict[str, float]]]:
    """What the networks do of frames in memory: frames a second of one side, what bounds the job."""
    frames = np.concatenate([clip.frames] * max(1, 512 // len(clip.frames) if on_card(device) else 1))
    noisy = np.roll(frames, 1, axis=2)
    network = alexnet.load(files["alexnet"], device)
    for label, work in {
        "inception, as lsbench runs it": lambda: frame_features(frames, INCEPTION, files["inception"], device),
        "lpips, as lsbench runs it, pairs": lambda: lpips_frames(frames, noisy, network),
    }.items():
        yield label, {"frames a second": len(frames) / timed(work, device)}
    for layout in (torch.contiguous_format, torch.channels_last):
        layers = inception.load(files["inception"]).to(device).to(memory_format=layout)
        for batch in size.batches:
            images = torch.rand(batch, 3, inception.INPUT, inception.INPUT, device=device).to(memory_format=layout)
            reset(device)
            held = peak(device)
            seconds = timed(partial(batches.each, layers, [images] * 4, device), device)
            label = f"inception's layers, batch {batch}, {str(layout).rpartition('.')[2]}"
            yield label, {"frames a second": 4 * batch / seconds, "MB a frame": (peak(device) - held) * 1000 / batch}


def timed(work: Callable[[], Any], device: str) -> float:
    """Seconds of the faster of two, after one to warm up."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        if on_card(device):
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def decoded(pairs: Pairs) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The frames of one pair of videos after another, by PyAV as people use it."""
    for pair in pairs:
        sides = []
        for path in pair:
            with av.open(str(path)) as container:
                sides.append(np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]))
        yield sides[0], sides[1]


def on(device: str, frames: np.ndarray) -> torch.Tensor:
    """Frames as float32 (B, 3, H, W), 0 to 255, on a device."""
    return torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).float()


def on_card(device: str) -> bool:
    """Whether a device is a CUDA card."""
    return torch.device(device).type == "cuda"


def reset(device: str) -> None:
    """Count the most memory from here."""
    if on_card(device):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak(device: str) -> float:
    """The most memory of a card that PyTorch held, GB."""
    return torch.cuda.max_memory_allocated(device) / 1e9 if on_card(device) else 0.0


def table(columns: tuple[str, ...], rows: dict[str, dict[str, float]]) -> None:
    """Print Markdown."""
    print(f"\n| | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    for label, row in rows.items():
        print(f"| {label} | {' | '.join(f'{row[column]:.5g}' if column in row else '' for column in columns)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path, nargs="?", help="folder of real clips of one size (default: made here)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu:0")
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--clips", type=int, help="of lsbench's runs")
    asked = parser.parse_args()
    device, card = asked.device, on_card(asked.device)
    size = CARD if card else REHEARSAL
    workers = asked.workers if card else 2
    name = torch.cuda.get_device_name(device) if card else "no card: a rehearsal, times mean nothing"
    with tempfile.TemporaryDirectory(prefix="lsbench-") as folder:
        root = Path(folder)
        files, what = weight_files(root)
        clips = pictures(asked.real, size)
        count = asked.clips or size.clips
        write_videos(root, clips, count)
        pairs = []
        for place in range(size.peer_clips):
            sides = [Path("real", f"c{place:03}.mp4"), Path("made", f"c{place:03}.mp4")]
            for side in sides:
                (root / "peers" / side).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(root / side, root / "peers" / side)
            pairs.append((root / sides[0], root / sides[1]))
        height, width = clips[0].frames.shape[1:3]
        print(f"{name}; PyTorch {torch.__version__}, {cores()} cores, {workers} workers, {what}")
        print(f"{count} clips of {len(clips[0])} frames, {width}x{height} px; peers: {len(pairs)} clips")

        os.environ["LSBENCH_CACHE"] = str(root / "caches/first use")
        warm = {"reference": pairs[0][0], "metrics": METRICS, "regions": ["whole"], "weight_files": files}
        lsbench.score(pairs[0][1], device=device, **warm)
        rows = dict(by_lsbench(root, files, device, workers))
        columns = ("pairs a second", "with folding", "ratio", "GPU GB", *METRICS)
        whole = rows["lsbench: all four"]["pairs a second"]
        peers = {"lpips": by_lpips, "pytorch-fid": by_pytorch_fid, "torchmetrics, all four": by_torchmetrics}
        for rounding in (True, False):
            torch.backends.cudnn.allow_tf32 = rounding
            for label, peer in peers.items():
                if card:
                    peer(pairs[:1], files, device)
                reset(device)
                row = peer(pairs, files, device) | {"GPU GB": peak(device)}
                rows[f"{label}, {'as it comes' if rounding else 'exact float32'}"] = row
        for row in rows.values():
            row["ratio"] = whole / row["pairs a second"]
        table(columns, rows)
        print(
            "\nratio: how many times longer it takes than lsbench's all four from empty caches, for what it measures."
        )
        print(f"Most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")
        table(("frames a second", "MB a frame"), dict(alone(clips[0], files, device, size)))


if __name__ == "__main__":
    main()
