"""Distances between sets of features, and what each clip adds to them."""
