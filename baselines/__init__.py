"""The baselines of arXiv 2212.13810: LipGAN and L1-WGAN-GP."""
