"""Training a baseline: data, loop, checkpoints, log and plots."""
