"""The whole job against the usual tool chain, in one run: `python bench/whole_job.py REAL [--clips 10]`.

Job: PSNR, SSIM, LPIPS and FID of the whole frame, of clips and re-encoded blurred copies. The tool chain is what people
run today: every video to PNG files, scikit-image and lpips frame by frame, pytorch-fid on the folders. lsbench scores
the same files twice: with nothing cached, then a second generator with the reference's features kept. Both use random
weights in the real architectures (times and agreement count, values do not), the same threads, and start from the
video files. The floor is what the networks' arithmetic alone takes: frames times the given times a frame.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path
from unittest import mock

import av
import lpips
import numpy as np
import pytorch_fid.fid_score
import torch
from inception import peer
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import lsbench
from lsbench.media.files import find_clips, read_clip, write_clip

METRICS = ("psnr", "ssim", "lpips", "fid")
FLOOR_MS = {"fid": 76.0, "lpips": 37.0}  # a frame, and a pair of frames of 288 x 360 px, at 150 GFLOP/s


def tool_chain(
    real: Path, made: Path, folder: Path, trunk: torch.nn.Module, inception: torch.nn.Module
) -> dict[str, float]:
    """PNG dumps, then scikit-image, lpips and pytorch-fid on them."""
    sides = {}
    for name, source in {"real": real, "made": made}.items():
        sides[name] = folder / name
        sides[name].mkdir(parents=True)
        for clip_id, path in find_clips(source).items():
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
            tensors = [torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1 for image in pair]
            distances.append(float(trunk(*tensors)))
    network = mock.Mock(return_value=inception, BLOCK_INDEX_BY_DIM={2048: 3})
    with mock.patch.object(pytorch_fid.fid_score, "InceptionV3", network):
        paths = [str(side) for side in sides.values()]
        fid = pytorch_fid.fid_score.calculate_fid_given_paths(paths, 50, "cpu", 2048, num_workers=0)
    return {"psnr": np.mean(psnr), "ssim": np.mean(ssim), "lpips": np.mean(distances), "fid": float(fid)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("real", type=Path, help="folder of real clips")
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--onnx", action="store_true", help="Inception by onnxruntime")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ["LSBENCH_CACHE"] = str(root / "cache")
        clips = find_clips(arguments.real)
        chosen = dict(list(clips.items())[:: max(1, len(clips) // arguments.clips)][: arguments.clips])
        for clip_id, path in chosen.items():
            target = root / "real" / f"{clip_id}{path.suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
            clip = read_clip(path, clip_id)
            for name, shift in {"made": 1, "second": 2}.items():
                frames = np.roll(clip.frames, shift, axis=2)
                write_clip(root / name / f"{clip_id}.mp4", frames, clip.speech, clip.fps)
        count = sum(len(read_clip(path, clip_id)) for clip_id, path in chosen.items())

        inception, whole = peer(None)
        torch.save(whole.state_dict(), root / "inception.pth")
        torch.manual_seed(0)
        trunk = lpips.LPIPS(net="alex", pretrained=True, pnet_rand=True, verbose=False).eval()
        convolutions = [module for module in trunk.net.modules() if isinstance(module, torch.nn.Conv2d)]
        state = {
            f"features.{index}.{part}": getattr(module, part)
            for index, module in zip((0, 3, 6, 8, 10), convolutions, strict=True)
            for part in ("weight", "bias")
        }
        torch.save(state, root / "alexnet.pth")

        times, values = {}, {}
        start = time.perf_counter()
        values["tool chain"] = tool_chain(root / "real", root / "made", root / "png", trunk, inception)
        times["tool chain"] = time.perf_counter() - start
        metrics = [f"{metric}:engine=onnx" if metric == "fid" and arguments.onnx else metric for metric in METRICS]
        files = {"inception": root / "inception.pth", "alexnet": root / "alexnet.pth"}
        for label, name in {"lsbench": "made", "lsbench, reference kept": "second"}.items():
            start = time.perf_counter()
            result = lsbench.score(
                root / name, reference=root / "real", metrics=metrics, regions=["whole"], weight_files=files
            )
            times[label] = time.perf_counter() - start
            values[label] = {key.partition("/")[0].partition(":")[0]: result[key] for key in result.scores}

        floor = count / 1000 * (2 * FLOOR_MS["fid"] + FLOOR_MS["lpips"])
        print(f"{len(chosen)} clips, {count} pairs of frames, {torch.get_num_threads()} threads")
        for label, taken in times.items():
            scores = "  ".join(f"{metric} {values[label][metric]:.6g}" for metric in METRICS)
            print(f"{label:24} {taken:7.1f} s  {times['tool chain'] / taken:5.2f}x   {scores}")
        print(f"floor {floor:.1f} s at 150 GFLOP/s: lsbench reaches {floor / times['lsbench']:.0%} of it")
        for metric in METRICS:
            ours, theirs = values["lsbench"][metric], values["tool chain"][metric]
            print(f"{metric}: differs by {abs(ours - theirs):.2g} ({abs(ours - theirs) / abs(theirs):.2g} relative)")


if __name__ == "__main__":
    main()
