"""Names to lazy entry points, so that naming a metric or a generator imports nothing until it is used."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.metadata import entry_points
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

from lsbench.errors import LsbenchError, in_one_line

METRICS = {
    "psnr": "lsbench.metrics.psnr:PSNR",
    "ssim": "lsbench.metrics.ssim:SSIM",
    "lpips": "lsbench.metrics.lpips:LPIPS",
    "dists": "lsbench.metrics.dists:DISTS",
    "ms_ssim": "lsbench.metrics.from_piq:MSSSIM",
    "gmsd": "lsbench.metrics.from_piq:GMSD",
    "fsim": "lsbench.metrics.from_piq:FSIM",
    "vif": "lsbench.metrics.from_piq:VIF",
    "haarpsi": "lsbench.metrics.from_piq:HaarPSI",
    "vmaf": "lsbench.metrics.vmaf:VMAF",
    "sharpness": "lsbench.metrics.sharpness:Sharpness",
    "seam": "lsbench.metrics.seam:Seam",
    "flicker": "lsbench.metrics.flicker:Flicker",
    "jitter": "lsbench.metrics.jitter:Jitter",
    "lmd": "lsbench.metrics.lmd:LMD",
    "mouth_aperture_corr": "lsbench.metrics.aperture:MouthApertureCorr",
    "mouth_aperture_error": "lsbench.metrics.aperture:MouthApertureError",
    "closure_f1": "lsbench.metrics.aperture:ClosureF1",
    "viseme_closure": "lsbench.metrics.visemes:VisemeClosure",
    "viseme_lmd": "lsbench.metrics.visemes:VisemeLMD",
    "silence_motion": "lsbench.metrics.silence:SilenceMotion",
    "lip_leak": "lsbench.metrics.leaks:LipLeak",
    "leak_corr": "lsbench.metrics.leaks:LeakCorr",
    "akd": "lsbench.metrics.akd:AKD",
    "blink_rate": "lsbench.metrics.naturalness:BlinkRate",
    "brow_motion": "lsbench.metrics.naturalness:BrowMotion",
    "head_motion": "lsbench.metrics.naturalness:HeadMotion",
    "lip_dynamics": "lsbench.metrics.naturalness:LipDynamics",
    "coverage": "lsbench.metrics.coverage:Coverage",
    "csim_dlib": "lsbench.metrics.csim:CSIMDlib",
    "csim": "lsbench.metrics.csim:CSIM",
    "sync_corr": "lsbench.metrics.sync:SyncCorr",
    "sync_lag": "lsbench.metrics.sync:SyncLag",
    "sync_peak": "lsbench.metrics.sync:SyncPeak",
    "lse_d": "lsbench.metrics.syncnet:LSED",
    "lse_c": "lsbench.metrics.syncnet:LSEC",
    "lse_d0": "lsbench.metrics.syncnet:LSED0",
    "av_offset": "lsbench.metrics.syncnet:AVOffset",
    "offset_error_frames": "lsbench.metrics.syncnet:OffsetError",
    "fid": "lsbench.metrics.fid:FID",
    "kid": "lsbench.metrics.fid:KID",
    "fid_inf": "lsbench.metrics.fid:FIDInfinity",
    "fd_efficientnet_lite0": "lsbench.metrics.fid:FDEfficientNetLite0",
    "fvd": "lsbench.metrics.fvd:FVD",
}
STANDINS = {
    "reencoded": "lsbench.generation.standins:reencoded",
    "still-mouth": "lsbench.generation.standins:still_mouth",
    "blurred-mouth": "lsbench.generation.standins:blurred_mouth",
    "pasted-box": "lsbench.generation.standins:pasted_box",
    "late": "lsbench.generation.standins:late",
    "noisy-frame": "lsbench.generation.standins:noisy_frame",
}
GENERATORS = {
    **STANDINS,
    "compressed": "lsbench.generation.standins:Compressed",
    "swapped-audio": "lsbench.generation.standins:SwappedAudio",
    "lipgan": "baselines.generator:LipGAN",
    "l1wgangp": "baselines.generator:L1WGANGP",
    "wgangp": "baselines.generator:WGANGP",
}
PROTOCOLS = {
    "grid-test": "protocols:grid-test.toml",
    "grid-test-dub": "protocols:grid-test-dub.toml",
    "grid-test-gray": "protocols:grid-test-gray.toml",
    "grid-test-silent": "protocols:grid-test-silent.toml",
    "grid-small": "protocols:grid-small.toml",
    "grid-full": "protocols:grid-full.toml",
    "toy": "protocols:toy.toml",
}
# What stands behind `lsbench train` and `lsbench plot`.
TRAINING = {
    "train": "baselines.training.loop:train",
    "plan": "baselines.training.plan:plan",
    "toy": "baselines.training.toy:toy_data",
    "toy settings": "baselines.training.toy:SETTINGS",
    "plot": "baselines.training.plot:draw",
}


def load(target: str) -> Any:
    """The object that `module:attribute` names."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def load_named(target: str, who: str, error: type[LsbenchError], *, own: bool = False) -> Any:
    """What `module:attribute` names, or an error that says what is wrong with it.

    Args:
        target: module and attribute, dots in both where they are nested.
        who: named in the message, as the user spelled it.
        error: what is raised where there is no such thing, or it fails while it is imported.
        own: it is one of the user's own modules, as in `py:module:attribute`. Then a module of the working directory
            goes before an installed one of the same name. What it imports from beside itself is found too, but never
            in place of what is installed: a pandas.py of the user's is not the pandas of lsbench.
    """
    name, _, path = target.partition(":")
    if not name or not path:
        raise error(f"{who}: expected py:module:attribute, such as py:mymodel:generate")
    try:
        found = _own_module(name, who, error) if own else import_module(name)
    except LsbenchError:
        raise
    except (Exception, SystemExit) as failure:  # a module can fail in any way while it is imported
        raise error(f"{who}: module {name} cannot be imported: {in_one_line(failure)}") from failure
    for part in path.split("."):
        if not hasattr(found, part):
            raise error(f"{who}: module {name} has no attribute {path}")
        found = getattr(found, part)
    return found


def _own_module(name: str, who: str, error: type[LsbenchError]) -> Any:
    here, top = str(Path.cwd()), name.partition(".")[0]
    if here not in sys.path:
        sys.path.append(here)
    spec = PathFinder.find_spec(top, [here])
    if spec is None or spec.origin is None or spec.loader is None:
        return import_module(name)
    loaded = sys.modules.get(top)
    if loaded is None:
        module = module_from_spec(spec)
        sys.modules[top] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[top]
            raise
    elif (origin := getattr(loaded, "__file__", None)) is None or Path(origin).resolve() != Path(spec.origin).resolve():
        raise error(f"{who}: {spec.origin} has the name of a module that is in use ({origin or 'built in'}); rename it")
    return import_module(name)


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The message for an unknown name: near matches first, else the whole list."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
    return f"unknown {kind} {name!r}; {hint}"


def table(group: str, built_in: dict[str, str]) -> dict[str, str]:
    """Built-in names with those that installed packages add under the entry point group `lsbench.GROUP`."""
    added = {point.name: point.value for point in entry_points(group=f"lsbench.{group}")}
    return {**added, **built_in}


def find(group: str, kind: str, name: str, built_in: dict[str, str], error: type[LsbenchError]) -> str:
    """The target of a name in a table, or `error` with near matches."""
    known = table(group, built_in)
    if name not in known:
        raise error(unknown(kind, name, known))
    return known[name]
