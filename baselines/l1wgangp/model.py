"""The critic of L1-WGAN-GP and of plain WGAN-GP; their generator is LipGAN's."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from baselines.blocks import LEAK, initialise, scaled
from baselines.lipgan.model import EMBEDDING, audio_branch, face_branch


class Critic(nn.Module):
    """How real a face looks beside a sound: D(x, A), without bounds.

    LipGAN's two branches without batch norm, since the penalty is per sample. Two layers join them: a single linear one
    would make D a sum of a face's and a sound's worth, and what the sound says would cancel out of the loss.
    """

    def __init__(self, width: float = 1.0, size: int = 96) -> None:
        super().__init__()
        self.face = face_branch(width, size)
        self.audio = audio_branch(width, batch_norm=False)
        embedding = scaled(EMBEDDING, width)
        self.join = nn.Sequential(nn.Linear(2 * embedding, embedding), nn.LeakyReLU(LEAK), nn.Linear(embedding, 1))
        initialise(self)
        # Glorot's rule shrinks a signal from layer to layer, and here no norm restores it: the critic would start deaf.
        initialise(self.audio, partial(nn.init.kaiming_uniform_, a=LEAK))

    def forward(self, face: Tensor, mel: Tensor) -> Tensor:
        """face (N, 3, size, size) in [0, 1], mel (N, 1, 80, 27) -> float32 (N,)."""
        score: Tensor = self.join(torch.cat([self.face(face), self.audio(mel)], 1))
        return score.squeeze(1).float()
