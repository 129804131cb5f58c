"""A start for networks that must see noise: first filters that answer neither to a constant nor to a slope.

Noise is some hundredths of what anatomy does to an image. Norms divide by what anatomy does, so most of what random
filters pass on says nothing of the noise, and a network that cannot see it learns to be silent first.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def without_trend(filters: Tensor, fold: int = 1) -> Tensor:
    """Filters [n, channels, rows, columns] without their answers to constants and slopes of an image.

    fold  1: the channels are images, each by itself; else the fold² channels are one image that was folded by so much
          (pixel unshuffle), and n filters over all of them are filters of that image
    """
    rows, columns = (torch.arange(side) - (side - 1) / 2 for side in filters.shape[-2:])
    part = torch.arange(fold) - (fold - 1) / 2
    shape = fold, fold, len(rows), len(columns)
    y = (part[:, None, None, None] + fold * rows[:, None]).expand(shape)
    x = (part[:, None, None] + fold * columns).expand(shape)
    trends = F.normalize(torch.stack([torch.ones_like(x), y, x]).flatten(1), dim=1)  # at right angles
    flat = filters.reshape(-1, trends.shape[1])
    return (flat - flat @ trends.T @ trends).reshape(filters.shape)
