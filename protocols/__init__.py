"""Evaluation protocols as data: a TOML file each, with its manifest of clips as CSV beside it."""
