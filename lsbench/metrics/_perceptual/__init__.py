"""Distances of frames in the features of a network: what LPIPS and DISTS share."""
