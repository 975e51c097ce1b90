"""How much a video, an image or a sound may be: what is more is refused by name, before it is decoded or on the way."""

from __future__ import annotations

MOST_PIXELS = 7680 * 4320  # of a picture: 8K
AT_MOST_8K = f"expected at most {MOST_PIXELS / 1e6:.0f} million pixels (8K). Scale it down."
MOST_FPS = 240  # frames a second
MAX_GAP_S = 10.0  # a longer jump of the time stamps is taken for damage, not for a picture held, nor for silence
MOST_LENGTH_S = 4 * 3600.0  # of pictures
MOST_OVERHANG_S = 600.0  # by which sound may outlast the pictures
MOST_CHANNELS = 8  # of sound; PyAV reads beyond the planes of more
SAMPLE_RATES = 4_000, 768_000  # of sound, Hz: the lowest and the highest
