"""LipGAN (KR et al., ACM MM 2019): a generator against a contrastive discriminator."""
