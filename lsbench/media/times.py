"""When pictures are shown: their time stamps -> a frame rate, and the picture that each frame shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from lsbench.errors import MediaError
from lsbench.media.limits import MAX_GAP_S, MOST_FPS

_AVI_START_S = 0.15  # the longest start-up of a sound codec that AVI muxers make the video wait for
_USUAL = (*range(1, 9), 10, 12, 12.5, 15, 16, 18, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 144, 180, 200, 240)
_NTSC = 1000 / 1001  # 24, 30, 60 and 120 have a slower twin
_LOST = 0.01  # share of the pictures that a nominal rate may leave out
_STEADY = 0.05  # steps within this share of each other are equal
_UNLIKE = 0.1  # share of two steps by which they differ at least where pictures are shown for two times in turn
_LEAST_TURNS = 6  # steps, from which on it is seen that they come in turn
_ROUNDING_S = 0.0011  # as are those that differ by time stamps rounded to milliseconds


@dataclass(frozen=True, eq=False)
class Timing:
    """The frames of a video.

    Attributes:
        fps: frames a second.
        shown: int64 (T,), the picture that each frame shows, never falling.
        start_s: time stamp of the first frame.
        variable: whether the pictures come at no constant rate.
        notes: what a reader of the frames should know.
    """

    fps: float
    shown: np.ndarray
    start_s: float
    variable: bool
    notes: tuple[str, ...]


def timing(
    stamps: list[float | None], announced: float | None, where: str, end_s: float | None = None, avi: bool = False
) -> Timing:
    """Lay pictures out in frames of equal length: frame k shows the last picture begun by k / fps, to the nearest.

    The rate is the one that the container announces, where most pictures follow each other by one frame of it. Else it
    is a nominal one, from the time stamps alone, whatever they are counted in: the usual rate next to the average, if
    the steps are even; or the lowest usual rate that leaves out hardly any picture, among those near the average and
    those that many steps agree with. A hole repeats the picture before it. Pictures shown for a shorter and a longer
    time in turn, as film on a display of 60 Hz, are read at their mean rate, each as one frame.

    Args:
        stamps: of the pictures as they are shown, in seconds; those that are missing follow the one before.
        announced: frames a second by the container; None where it does not say.
        where: the start of every error message.
        end_s: when the last picture is taken away, where the file knows; else it is one frame long.
        avi: whether the first picture may have been put early, because AVI cannot start late.

    Raises:
        MediaError: where no rate can be had, it is over MOST_FPS, or the time stamps jump by more than MAX_GAP_S.
    """
    known = [stamp for stamp in stamps if stamp is not None]
    ordered = _ordered(known)
    if announced is None and (not ordered or len(known) < max(2, len(stamps))):
        if len(stamps) == 1 and end_s is not None and known and end_s > known[0]:
            announced = 1 / (end_s - known[0])
        else:
            raise MediaError(f"{where}: its frame rate is unknown; expected a video with time stamps")
    if not ordered:
        times = min(known, default=0.0) + np.arange(len(stamps)) / _bounded(announced or 0, where)
    else:
        times = _filled(stamps, known[0], announced)
    for index, (earlier, later) in enumerate(pairwise(times)):
        if later - earlier > MAX_GAP_S:
            raise MediaError(
                f"{where}: time stamps jump by {later - earlier:.1f} s after frame {index}; expected at most "
                f"{MAX_GAP_S:g} s. Encode it again at a constant frame rate."
            )
    if avi and announced and len(times) > 1 and 1 / announced < times[1] - times[0] < _AVI_START_S:
        times[0] = times[1] - 1 / announced  # muxers that must hold the second back leave the first alone
    turns = _in_turn(times)
    evened = times if turns is None else _evened(times)
    fps = _bounded(_rate(evened, announced if turns is None else None), where)
    laid_out = _laid_out(evened, fps, announced, end_s if ordered else None)
    if turns is None:
        return laid_out
    note = f"its pictures are {turns[0]:.0f} and {turns[1]:.0f} ms apart in turn: read at {fps:g} frames a second"
    return replace(laid_out, start_s=float(times[0]), notes=(note, *laid_out.notes))


def _ordered(stamps: list[float]) -> bool:
    """Whether time stamps can be trusted: none goes back, and hardly any stands still."""
    steps = np.diff(stamps)
    return len(stamps) > 0 and bool((steps >= 0).all()) and int(np.count_nonzero(steps == 0)) <= len(steps) // 10


def _filled(stamps: list[float | None], first: float, announced: float | None) -> np.ndarray:
    """All time stamps, float64 (N,): a missing one follows the one before it."""
    step = 1 / announced if announced else 0.0
    leading = next(index for index, stamp in enumerate(stamps) if stamp is not None)
    times = np.empty(len(stamps))
    for index, stamp in enumerate(stamps):
        times[index] = stamp if stamp is not None else times[index - 1] + step if index else first - leading * step
    return times


def _bounded(fps: float, where: str) -> float:
    if not 0 < fps <= MOST_FPS:
        raise MediaError(
            f"{where}: {fps:g} frames a second; expected at most {MOST_FPS}. Encode it again at its true rate."
        )
    return fps


def _in_turn(times: np.ndarray) -> tuple[float, float] | None:
    """The two times, ms, for which pictures are shown in turn, where it is so nearly throughout; else None."""
    steps = np.diff(times)
    if len(steps) < _LEAST_TURNS:
        return None
    pairs = steps[:-1] + steps[1:]
    pair = float(np.median(pairs))
    ones, others = float(np.median(steps[::2])), float(np.median(steps[1::2]))
    same = np.abs(pairs - pair) <= max(_STEADY * pair, _ROUNDING_S)
    apart = abs(ones - others) > max(_UNLIKE * pair, 4 * _ROUNDING_S)
    if not apart or abs(ones + others - pair) > _STEADY * pair or np.mean(same) <= 0.9:
        return None
    return (1000 * ones, 1000 * others) if ones < others else (1000 * others, 1000 * ones)


def _evened(times: np.ndarray) -> np.ndarray:
    """Time stamps that come in turn, moved to where they would be if all pictures were shown equally long."""
    middles = (times[:-2] + 2 * times[1:-1] + times[2:]) / 4
    steps = (times[2] - times[0]) / 2, (times[-1] - times[-3]) / 2
    return np.concatenate([[middles[0] - steps[0]], middles, [middles[-1] + steps[1]]])


def _slots(times: np.ndarray, fps: float) -> np.ndarray:
    """The frame at which each picture begins: int64 (N,), never falling."""
    return np.maximum.accumulate(np.floor((times - times[0]) * fps + 0.5).astype(np.int64))


def _rate(times: np.ndarray, announced: float | None) -> float:
    """Frames a second: as announced, or nominal."""
    steps, span = np.diff(times), float(times[-1] - times[0])
    if not span > 0:
        return announced or 0.0
    average, step = len(steps) / span, float(np.median(steps))
    even = steps[np.abs(steps - step) <= max(_STEADY * step, _ROUNDING_S)]
    if step and len(even) > 0.9 * len(steps):
        rate = _even_rate(times, even)
        return announced if announced and abs(announced - rate) <= 0.01 * rate else rate
    if announced and _follows(times, steps, announced):
        return announced
    candidates = [rate for rate in _USUAL if _suits(rate, average, steps)]
    if not candidates:
        return round(average, 3)
    lost = [1 - _beginnings(times, rate) / len(times) for rate in candidates]
    complete = (rate for rate, share in zip(candidates, lost, strict=True) if share <= _LOST)
    rate = next(complete, candidates[int(np.argmin(lost))])
    own = steps[np.abs(steps * rate - 1) <= _STEADY]
    return _twin(rate, float(own.mean()), float(own.std())) if len(own) else rate


def _even_rate(times: np.ndarray, even: np.ndarray) -> float:
    """That of pictures nearly all of whose steps are the same but for rounding."""
    step, doubt = float(even.mean()), float(even.std())
    count = len(times) - 1
    average = float(times[-1] - times[0]) / count
    if abs(average - step) <= 0.005 * step:  # no holes: the average is known better than a step
        line = times[0] + average * np.arange(count + 1)
        step, doubt = average, 2 * float(np.abs(times - line).max()) / count
    usual = min(_USUAL, key=lambda rate: abs(rate * step - 1))
    return _twin(usual, step, doubt) if abs(usual * step - 1) <= 0.01 else round(1 / step, 3)


def _twin(rate: float, step: float, doubt: float) -> float:
    """The rate, or its slower twin where a step (s), with its doubt, agrees with that alone."""
    twin = rate * _NTSC
    slower = rate in (24, 30, 60, 120) and abs(step - 1 / twin) + doubt < abs(step - 1 / rate)
    return twin if slower else rate


def _beginnings(times: np.ndarray, fps: float) -> int:
    """How many frames begin a picture: all pictures but those that share a frame with a later one."""
    return len(np.unique(_slots(times, fps)))


def _follows(times: np.ndarray, steps: np.ndarray, fps: float) -> bool:
    """Whether pictures come one frame after another: all of them, or most where the rate is a usual one."""
    begins = _slots(times, fps)
    if (np.diff(begins) == 1).all():
        return True
    usual = any(abs(rate - fps) <= 1e-4 * fps for rate in (*_USUAL, *(rate * _NTSC for rate in _USUAL)))
    single = 2 * np.count_nonzero(np.rint(steps * fps) == 1) >= len(steps)
    return bool(usual and single) and _beginnings(times, fps) >= (1 - 2 * _LOST) * len(times)


def _suits(rate: float, average: float, steps: np.ndarray) -> bool:
    """Whether a rate is near the average, or above it and that of a quarter of the steps."""
    if rate < 0.9 * average:
        return False
    return rate <= 1.4 * average or bool(np.mean(np.abs(steps * rate - 1) <= _STEADY) >= 0.25)


def _laid_out(times: np.ndarray, fps: float, announced: float | None, end_s: float | None) -> Timing:
    """The picture of each frame, and what was done for it."""
    begins = _slots(times, fps)
    own = int(begins[-1]) + 1
    count, notes = own, []
    if end_s is not None:
        held_s = end_s - float(times[-1])
        if held_s > MAX_GAP_S:
            notes.append(f"its last picture is said to stay for {held_s:.1f} s: read as one frame")
        else:
            count = max(own, int(np.floor((end_s - times[0]) * fps + 0.5 - 1e-6)))
    shown = np.searchsorted(begins, np.arange(count), side="right") - 1
    if count > own:
        notes.append(f"its last picture stays for {held_s:.2f} s: {count - own} frames repeat it")
    left_out = len(times) - _beginnings(times, fps)
    repeated = own - len(times) + left_out
    steps = np.diff(times)
    irregular = np.count_nonzero(np.diff(begins) != 1)
    variable = bool(len(steps) > 1 and irregular > max(1, 0.05 * len(steps)))
    changes = f"{repeated} repeated" + (f", {left_out} left out" if left_out else "")
    if variable:
        apart = f"{1000 * steps.min():.0f} to {1000 * steps.max():.0f} ms apart"
        notes.insert(
            0, f"variable frame rate: {len(times)} pictures, {apart}, read at {fps:g} frames a second ({changes})"
        )
    elif repeated or left_out:
        notes.insert(0, f"uneven time stamps, read at {fps:g} frames a second ({changes})")
    elif announced and abs(announced - fps) > 0.01 * fps:
        notes.insert(0, f"its time stamps are {fps:g} frames a second; its container says {announced:g}")
    return Timing(fps, shown, float(times[0]), variable, tuple(notes))
