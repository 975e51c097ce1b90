"""Statistics on what every clip says: intervals, tests, tie groups, agreement of rankings, power. Arrays in and out.

Everything starts from influence: float64 (..., clips), how much each clip moves a score, so that a score T measured on
the same clips drawn counts (clips,) times each reads T + counts @ influence / clips to first order. For a mean of clip
values it is the value less the mean, and exact.
"""
