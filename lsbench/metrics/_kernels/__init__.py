"""Compiled inner loops of the image metrics."""
