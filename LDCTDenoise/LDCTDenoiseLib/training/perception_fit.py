"""How far perception is, and its readout: embeddings of whole slices at known doses, of known anatomies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..methods.founddiff import to_network
from ..networks import DACLIP
from ..networks.perception_readout import PerceptionReadout
from .anatomy import AnatomyLabels
from .noise_bank import NoisySeries
from .perception_batches import UsualNoise, labelled_slices, slice_at_dose

RIDGES = (1e-4, 1e-3, 1e-2, 1e-1)  # over the mean variance of a feature times the number of slices
SHARPNESS = (2.0, 5.0, 10.0, 20.0, 40.0)


@dataclass(frozen=True)
class Seen:
    """What perception makes of n slices: dose [n, embed], anatomy [n, features]; and what they are: divisors [n] as
    simulated, levels [n] (noise of the full dose, HU), classes [n], series [n] (numbers), slices [n] (numbers, one for
    all doses of a slice)."""

    dose: Tensor
    anatomy: Tensor
    divisors: Tensor
    levels: Tensor
    classes: Tensor
    series: Tensor
    slices: Tensor


@torch.no_grad()
def look(
    network: DACLIP,
    series: Sequence[NoisySeries],
    labels: AnatomyLabels,
    divisors: Sequence[float],
    most: int,
    device: str = "cpu",
) -> Seen | None:
    """Whole slices, at most `most` of each series and anatomy, at every dose; None where nothing is labelled."""
    network = network.to(device).eval()
    rows = []
    for number, (i, index, anatomy) in enumerate(labelled_slices(series, labels, most)):
        for k, divisor in enumerate(divisors):
            hu = slice_at_dose(series[i], index, divisor, angle=(number + k) * 1.0)
            dose, features = network(to_network(torch.from_numpy(hu)[None, None].to(device)))
            rows.append(
                (
                    dose[0].float().cpu(),
                    features[0].float().cpu(),
                    divisor,
                    float(series[i].level[index]),
                    anatomy,
                    i,
                    number,
                )
            )
    if not rows:
        return None
    dose, features, *facts = zip(*rows, strict=True)
    return Seen(torch.stack(dose), torch.stack(features), *(torch.tensor(fact) for fact in facts))


def fit_readout(seen: Seen, usual: UsualNoise, anatomies: int) -> PerceptionReadout:
    """Class centres, and a ridge regression of the log dose (of the usual one); its ridge is chosen by leaving out one
    series after the other."""
    readout = PerceptionReadout(seen.dose.shape[1], seen.anatomy.shape[1], anatomies)
    facts = zip(seen.levels.tolist(), seen.classes.tolist(), seen.divisors.tolist(), strict=True)
    target = -torch.tensor([usual.divisor(*fact) for fact in facts], dtype=torch.float64).log()
    errors = [_left_out_error(seen, target, ridge) for ridge in RIDGES]
    weight, bias = _ridge(seen.dose.double(), target, RIDGES[int(np.argmin(errors))])
    centres = torch.stack([seen.anatomy[seen.classes == c].sum(dim=0) for c in range(anatomies)])
    centres = F.normalize(centres, dim=1)
    likeness = seen.anatomy @ centres.T
    losses = [float(F.cross_entropy(s * likeness, seen.classes)) for s in SHARPNESS]
    readout.load_state_dict(
        {
            "dose_weight": weight.float(),
            "dose_bias": bias.float().reshape(1),
            "centres": centres,
            "sharpness": torch.tensor([SHARPNESS[int(np.argmin(losses))]]),
        }
    )
    return readout


def judge(readout: PerceptionReadout, seen: Seen) -> dict[str, float]:
    """dose_rank       Spearman's correlation of estimated and simulated dose over all slices
    volume_rank     the same within each series, mean
    slice_rank      and within each slice
    dose_factor     typical factor between estimated and simulated dose, which cannot be 1 where series differ in noise
    anatomy_right   share of slices whose likeliest anatomy is the right one
    """
    estimate, chances = readout(seen.dose, seen.anatomy)
    truth = -seen.divisors.double().log()

    def within(groups: Tensor) -> float:
        return float(np.mean([spearman(estimate[groups == g], truth[groups == g]) for g in groups.unique()]))

    right = (chances.argmax(dim=1) == seen.classes).float()
    return {
        "dose_rank": spearman(estimate, truth),
        "volume_rank": within(seen.series),
        "slice_rank": within(seen.slices),
        "dose_factor": float((estimate.double() - truth).abs().mean().exp()),
        "anatomy_right": float(right.mean()),
    }


def spearman(a: Tensor, b: Tensor) -> float:
    """Rank correlation of two [n]; equal values share the mean of their ranks. 0 where either does not vary."""
    ranks = torch.stack([_ranks(a), _ranks(b)])
    ranks = ranks - ranks.mean(dim=1, keepdim=True)
    size = ranks.norm(dim=1).prod()
    return float((ranks[0] * ranks[1]).sum() / size) if size > 0 else 0.0


def _ranks(values: Tensor) -> Tensor:
    below = (values[:, None] > values[None, :]).sum(dim=1)
    equal = (values[:, None] == values[None, :]).sum(dim=1)
    return below.double() + (equal.double() - 1) / 2


def _ridge(x: Tensor, y: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    mean, level = x.mean(dim=0), y.mean()
    centred = x - mean
    gram = centred.T @ centred
    gram += ridge * (gram.trace() / len(gram) + len(x) * 1e-5) * torch.eye(len(gram), dtype=x.dtype)
    weight = torch.linalg.solve(gram, centred.T @ (y - level))
    return weight, level - mean @ weight


def _left_out_error(seen: Seen, target: Tensor, ridge: float) -> float:
    """Mean |error| of the log dose in series that the regression has not seen; in its own where there is only one."""
    numbers, x, errors = seen.series.unique(), seen.dose.double(), []
    for number in numbers:
        out = seen.series == number
        kept = ~out if len(numbers) > 1 else out
        weight, bias = _ridge(x[kept], target[kept], ridge)
        errors.append((x[out] @ weight + bias - target[out]).abs().mean())
    return float(torch.stack(errors).mean())
