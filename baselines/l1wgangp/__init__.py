"""L1-WGAN-GP and plain WGAN-GP: LipGAN's generator against a Wasserstein critic with gradient penalty."""
