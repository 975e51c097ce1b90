"""The models that can be trained."""

from __future__ import annotations

from baselines.l1wgangp.training import L1WGANGP
from baselines.lipgan.training import LIPGAN
from baselines.training.recipe import Recipe

RECIPES: dict[str, Recipe] = {"lipgan": LIPGAN, "l1wgangp": L1WGANGP, "wgangp": L1WGANGP}
