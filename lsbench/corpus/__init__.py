"""Corpora that lsbench can prepare or render."""
