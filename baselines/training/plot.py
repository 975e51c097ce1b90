"""The paper's figures of a training run: losses, SSIM and PSNR over the steps, and their spread over the frames."""

from __future__ import annotations

import io
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines.training.log import FILE, REMEDY, read
from lsbench.errors import TrainingError
from lsbench.system.cache import write_atomically
from lsbench.system.outputs import demand_file, demand_folder, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Record = dict[str, Any]

VERB = "lsbench plot"

QUALITY = ("ssim/whole", "ssim/mouth", "psnr/whole", "psnr/mouth")
BOXES = 8  # at most so many box plots beside each other
OUTLIER = 20  # times the typical mean of a term: then the axis is logarithmic beyond that mean
FAR = 3  # heights of a curve: a trivial answer farther away would flatten it
NEAR = {"ssim": 0.02, "psnr": 1.0}  # however flat the curve, an answer this close is shown


def draw(run: Path, out: Path) -> list[Path]:
    """Draw the figures of a training run from its log.

    Args:
        run: The run's folder, with log.jsonl in it.
        out: Folder of the figures.

    Returns:
        The paths of losses.png, quality.png and boxes.png.

    Raises:
        OutputError: Something else lies in `out`, or the run itself.
        TrainingError: There is no log, or it holds no losses yet.
    """
    records = read(run)
    trained = [record for record in records if "losses" in record]
    if not trained:
        raise TrainingError(f"{run}: the log holds no losses yet; the first come after log_every steps")
    for record in records:
        parts = [record.get("validation", {}), *record.get("trivial", {}).values()]
        parts += [record.get("frames", {})] if "losses" in record else []
        if not all(set(QUALITY) <= set(part) for part in parts):
            raise TrainingError(f"{run / FILE}: step {record['step']} lacks one of {', '.join(QUALITY)}; {REMEDY}")
        if not all({"low", "high"} <= set(term) for term in record.get("losses", {}).values()):
            raise TrainingError(f"{run / FILE}: step {record['step']} lacks low or high of a loss; {REMEDY}")

    demand_folder(out, VERB, lambda folder: any(map(marked(VERB), folder.iterdir())), [run / FILE])
    figures = (
        ("losses", losses_figure, trained),
        ("quality", quality_figure, records),
        ("boxes", boxes_figure, trained),
    )
    for name, *_ in figures:
        demand_file(out / f"{name}.png", VERB, marked(VERB))
    return [_save(out / f"{name}.png", fill(entries)) for name, fill, entries in figures]


def losses_figure(records: list[Record]) -> Any:
    """One panel a term: its mean between two entries of the log, and all that it has been in between."""
    names = list(dict.fromkeys(name for record in records for name in record["losses"]))
    figure, panels = _panels(len(names), columns=2)
    for axes, name in zip(panels, names, strict=True):
        terms = [(record["step"], record["losses"][name]) for record in records if name in record["losses"]]
        steps = [step for step, _ in terms]
        low, mean, high = ([term[part] for _, term in terms] for part in ("low", "mean", "high"))
        axes.fill_between(steps, low, high, alpha=0.25, linewidth=0, label="least to greatest")
        axes.plot(steps, mean, marker=".", label="mean")
        axes.set(title=name, xlabel="step")
        typical = statistics.median(map(abs, mean))
        if max(map(abs, (*low, *high))) > OUTLIER * typical > 0:
            axes.set_yscale("symlog", linthresh=typical)
    panels[0].legend()
    return figure


def quality_figure(records: list[Record]) -> Any:
    """SSIM and PSNR on the held-out samples over the steps, beside what trivial answers score.

    An answer that lies FAR from the curve stays outside the axes; the legend has its value.
    """
    trivial = records[0].get("trivial", {})
    figure, panels = _panels(len(QUALITY), columns=2)
    for axes, name in zip(panels, QUALITY, strict=True):
        points = [
            (record["step"], record["validation"][name]) for record in records if _number(record["validation"][name])
        ]
        heights = [value for _, value in points]
        axes.plot([step for step, _ in points], heights, marker=".", label="generated")
        shown, metric = list(heights), name.partition("/")[0]
        for style, (answer, scores) in zip(("--", ":"), trivial.items(), strict=False):
            if _number(scores[name]) and heights:
                axes.axhline(scores[name], linestyle=style, color="grey", label=f"{answer} {scores[name]:.4g}")
                away = max(min(heights) - scores[name], scores[name] - max(heights))
                if away <= max(NEAR[metric], FAR * (max(heights) - min(heights))):
                    shown.append(scores[name])
        if shown:
            margin = 0.05 * (max(shown) - min(shown)) or NEAR[metric]
            axes.set_ylim(min(shown) - margin, max(shown) + margin)
        axes.set(title=name, xlabel="step", ylabel="dB" if metric == "psnr" else None)
        axes.legend()
    return figure


def boxes_figure(records: list[Record]) -> Any:
    """Box plots of the per-frame SSIM and PSNR of the held-out samples: median, quartiles, 1.5 interquartile ranges."""
    shown = [records[round(box * (len(records) - 1) / max(1, BOXES - 1))] for box in range(BOXES)]
    shown = list({record["step"]: record for record in shown}.values())
    figure, panels = _panels(len(QUALITY), columns=2)
    for axes, name in zip(panels, QUALITY, strict=True):
        frames = [[value for value in record["frames"][name] if _number(value)] for record in shown]
        axes.boxplot(frames, tick_labels=[f"{record['step']:,}" for record in shown])
        axes.set(title=name, xlabel="step", ylabel="dB" if name.startswith("psnr") else None)
    return figure


def _panels(count: int, columns: int) -> tuple[Any, list[Axes]]:
    from matplotlib.figure import Figure

    rows = -(-count // columns)
    figure = Figure(figsize=(5 * columns, 2.7 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for spare in grid[count:]:
        spare.set_axis_off()
    return figure, grid[:count]


def _save(path: Path, figure: Any) -> Path:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100, metadata={"Software": VERB})
    try:
        write_atomically(path, lambda file: file.write(content.getvalue()))
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written: {error.strerror or error}. Pass another --out") from error
    return path


def _number(value: Any) -> bool:
    """Not NaN or infinite, which the log holds as null or text."""
    return isinstance(value, float)
