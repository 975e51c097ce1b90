"""Names to lazy entry points, so that naming a metric or a generator imports nothing until it is used."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, requires
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

from lsbench.errors import LsbenchError, foreign

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

_own: dict[str, str] = {}  # the user's own modules that were imported, and from which working directory
_UNLISTED = ("dlib",)  # modules of packages that lsbench requires and that do not say what they hold


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
            goes before an installed one of the same name, unless lsbench itself may need that one. What it imports
            from beside itself is found too while it is imported, see own_folder().
    """
    name, _, path = target.partition(":")
    if not name or not path:
        raise error(f"{who}: expected py:module:attribute, such as py:mymodel:generate")
    with foreign(lambda said: error(f"{who}: module {name} cannot be imported: {said}")):
        if own:
            with own_folder():
                found = _own_module(name, who, error)
            _own[name] = str(Path.cwd())
        else:
            found = import_module(name)
    for part in path.split("."):
        if not hasattr(found, part):
            raise error(f"{who}: module {name} has no attribute {path}")
        found = getattr(found, part)
    return found


def _own_module(name: str, who: str, error: type[LsbenchError], folder: str | None = None) -> Any:
    here, top = folder or str(Path.cwd()), name.partition(".")[0]
    spec = PathFinder.find_spec(top, [here])
    if spec is None or spec.origin is None or spec.loader is None:
        return import_module(name)
    loaded = sys.modules.get(top)
    if loaded is None and _is_needed(top):
        raise error(f"{who}: {spec.origin} has the name of a module that lsbench needs; rename it")
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


@contextmanager
def own_folder(folder: str | None = None) -> Iterator[None]:
    """The working directory on the path of modules meanwhile, at its end: a pandas.py in it stands in for nothing.

    So it is while a user's own module is imported, and while a generator of it is made or at work; else a file there
    would be taken for a package that lsbench looks for and that is not installed.
    """
    here = folder or str(Path.cwd())
    if here in sys.path:
        yield
        return
    sys.path.append(here)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(here)


def own_modules() -> dict[str, str]:
    """The user's own modules that are imported, and from which working directory."""
    return {name: folder for name, folder in _own.items() if name in sys.modules}


def import_own(modules: Mapping[str, str]) -> None:
    """Import a user's own modules in another process, which is sent objects of them; one that fails is passed over."""
    for name, folder in modules.items():
        with suppress(Exception), own_folder(folder):
            _own_module(name, f"py:{name}", LsbenchError, folder)
            _own[name] = folder


def _is_needed(module: str) -> bool:
    """Whether a module is Python's own, lsbench's, or of a package that lsbench requires, however indirectly."""
    if module in sys.stdlib_module_names or module in _UNLISTED:
        return True
    owners = {owner.lower() for owner in packages_distributions().get(module, ())}
    return bool(owners) and not owners.isdisjoint(_required())


def _required() -> set[str]:
    """lsbench and the packages that it requires, and theirs, by name."""
    found: set[str] = set()
    names = ["lsbench"]
    while names:
        name = re.sub(r"[-_.]+", "-", names.pop()).lower()
        if name in found:
            continue
        found.add(name)
        try:
            wanted = requires(name) or []
        except PackageNotFoundError:
            continue
        names += [match[0] for each in wanted if (match := re.match(r"[\w.-]+", each))]
    return found | {name.replace("-", "_") for name in found}


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
