"""What turns the embeddings of DA-CLIP into numbers: a dose fraction, and how likely each anatomy is.

Stored as `perception_readout.*` beside the networks; the names of the anatomies, in the order of the centres, are
`network["anatomies"]` of the card. Ours: the paper has embeddings only.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PerceptionReadout(nn.Module):
    """log dose fraction = e_d·weight + bias; probabilities = softmax(sharpness · e_a·centres).

    embed             width of the dose embedding
    anatomy_features  width of the anatomy embedding
    anatomies         how many there are
    """

    def __init__(self, embed: int, anatomy_features: int, anatomies: int):
        super().__init__()
        self.register_buffer("dose_weight", torch.zeros(embed))
        self.register_buffer("dose_bias", torch.zeros(1))
        self.register_buffer("centres", F.normalize(torch.ones(anatomies, anatomy_features), dim=1))
        self.register_buffer("sharpness", torch.ones(1))

    @classmethod
    def from_state_dict(cls, tensors: Mapping[str, Tensor]) -> PerceptionReadout:
        """Of the sizes that its tensors have, named as in `state_dict`. KeyError, RuntimeError if they do not fit."""
        anatomies, features = tensors["centres"].shape
        readout = cls(len(tensors["dose_weight"]), features, anatomies)
        readout.load_state_dict({name: value.float() for name, value in tensors.items()})
        return readout

    def forward(self, dose_embedding: Tensor, anatomy_embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings of length 1, [n, embed] and [n, anatomy_features] → log dose fraction [n], probabilities
        [n, anatomies]. A dose is relative to what is usual in the training series: 0 is their normal dose."""
        log_dose = dose_embedding @ self.dose_weight + self.dose_bias
        return log_dose, (self.sharpness * (anatomy_embedding @ self.centres.T)).softmax(dim=1)
