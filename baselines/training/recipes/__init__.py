"""The models that can be trained."""

from __future__ import annotations

from baselines.training.recipe import Recipe
from baselines.training.recipes.l1wgangp import L1WGANGP
from baselines.training.recipes.lipgan import LIPGAN

RECIPES: dict[str, Recipe] = {"lipgan": LIPGAN, "l1wgangp": L1WGANGP, "wgangp": L1WGANGP}
