"""Residual diffusion as FoundDiff has it: a state between normal and low dose under noise, and the way back in S steps.

x_t = x_0 + Ā_t R + B̄_t ε, with x_0 the normal-dose slice, I the low-dose one and R = I − x_0, all in [−1, 1]. The
network predicts R from (x_t, I) and the time, which it is told as 1000·Ā_t.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from math import sqrt
from typing import Literal

import torch
from torch import Tensor

TIMES = 1000
START_NOISE = sqrt(0.01)  # of the published sampler
Start = Literal["published", "consistent"]
STARTS = ("published", "consistent")


class Schedule:
    """alpha_bar, beta_bar: Ā_t and B̄_t for t = 0 … 999; float32 and computed in it, as the published weights saw."""

    def __init__(self):
        kept = torch.cumprod(1 - torch.linspace(1e-4, 0.02, TIMES), dim=0)
        self.alpha_bar = 1 - kept.sqrt()
        self.beta_bar = (1 - kept).sqrt()


@lru_cache(maxsize=1)
def schedule() -> Schedule:
    """The one schedule that there is."""
    return Schedule()


def noisy_state(normal: Tensor, low: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """x_t for slices [B, 1, H, W] in [−1, 1], noise of SD 1 and times t, whole numbers [B] from 0 to 999."""
    alpha_bar, beta_bar = (
        values.to(normal.device)[t][:, None, None, None] for values in (schedule().alpha_bar, schedule().beta_bar)
    )
    return normal + alpha_bar * (low - normal) + beta_bar * noise


def network_time(t: Tensor) -> Tensor:
    """What the network is told: 1000·Ā_t, float32 [B]."""
    return TIMES * schedule().alpha_bar.to(t.device)[t]


def times(steps: int) -> list[int]:
    """S + 1 times from 999 down to −1, which stands for the normal dose itself: 999, 499, −1 for two steps."""
    if not 1 <= steps <= TIMES:
        raise ValueError(f"the number of steps must lie between 1 and {TIMES}, not {steps}")
    return [int(t) for t in torch.linspace(-1, TIMES - 1, steps + 1).tolist()[::-1]]


def sample_residual_diffusion(
    unet: Callable[..., Tensor],
    low_dose: Tensor,
    noise: Tensor,
    dose_embedding: Tensor | None = None,
    anatomy_embedding: Tensor | None = None,
    steps: int = 2,
    start: Start = "published",
) -> Tensor:
    """The estimate of the normal dose, [B, 1, H, W] in [−1, 1], after `steps` evaluations of the network.

    low_dose, noise  [B, 1, H, W]; low dose in [−1, 1], noise of SD 1
    start            "published": the walk begins at I + 0.1 ε, and each step takes out its share of the residual. The
                     noise stays what it was, 0.1, where training saw up to 1: right for the authors' weights, which
                     were judged so.
                     "consistent": every state has the noise of its time, as in training: from the residual found so
                     far, x_t = I − (1 − Ā_t) R + B̄_t ε with the ε of the start. The alternative, to keep the noise
                     that the state has beyond the estimate, comes to the same but for the errors of the residuals,
                     which it would carry from step to step.

    Deterministic but for `noise`. The residual is clipped to [−1, 1] at each step, and the answer is I − R.
    """
    if start not in STARTS:
        raise ValueError(f"start must be one of {', '.join(STARTS)}, not {start!r}")
    alpha_bar, beta_bar = schedule().alpha_bar.tolist(), schedule().beta_bar.tolist()
    walk = times(steps)
    x = low_dose + (START_NOISE if start == "published" else beta_bar[walk[0]]) * noise
    for t, following in pairwise(walk):
        time = torch.full((len(x),), TIMES * alpha_bar[t], device=x.device)  # `network_time` without a copy to a GPU
        residual = unet(torch.cat([x, low_dose], dim=1), time, dose_embedding, anatomy_embedding).clamp(-1, 1)
        if following < 0:
            break
        if start == "published":
            x = x - (alpha_bar[t] - alpha_bar[following]) * residual
        else:
            x = low_dose - (1 - alpha_bar[following]) * residual + beta_bar[following] * noise
    return (low_dose - residual).clamp(-1, 1)
