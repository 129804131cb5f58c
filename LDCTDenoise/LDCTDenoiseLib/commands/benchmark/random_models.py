"""Networks at the size of their authors, with random weights: as models in a folder, so that they load like others.

Their speed does not depend on the weights, but the self-check does: what a network adds is rounded with it. So the last
layer is scaled until the residual is as large as a trained network's on a slice of low dose, about 30 HU.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from ...weights.cards import Card

AUTHORS, PUBLISHED_FOUNDDIFF = "authors-network", "founddiff-network"
RANDOM = (AUTHORS, PUBLISHED_FOUNDDIFF)
RESIDUAL_HU = 30.0
STD = 0.01  # of the layers that start as zero, which would make the network trivial


def save_random_models(folder: Path, ids: list[str]) -> None:
    """Each as a card with its weights. Needs torch."""
    from ...weights.cards import Card
    from ...weights.store import save_weights

    about = {"version": "random", "description": "Random weights.", "licence": "none", "training_data": "none",
             "intended_use": "timing"}  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for id in ids:
        title, family, network, make = {
            AUTHORS: ("RDDM, published size", "rddm", {}, _rddm),
            PUBLISHED_FOUNDDIFF: ("FoundDiff, published size", "founddiff", {"unet": {}, "perception": {}}, _founddiff),
        }[id]
        save_weights(folder, Card(id=id, title=title, family=family, network=network, **about), make())


def random_card(folder: Path, id: str) -> Card:
    """That of a model that `save_random_models` wrote."""
    from ...weights.cards import Card

    return Card.from_file(folder / f"{id}.json")


def _rddm() -> dict[str, Tensor]:
    import torch

    from ...methods.rddm import HIGHEST, LOWEST, to_network
    from ...networks import RDDMUNet

    torch.manual_seed(0)
    network = _awake(RDDMUNet())
    with torch.no_grad():
        low = to_network(_hu())
        raw = network(torch.randn_like(low), low)
    return _scaled(network, network.out[-1], raw, 2 * RESIDUAL_HU / (HIGHEST - LOWEST)).state_dict()


def _founddiff() -> dict[str, Tensor]:
    import torch

    from ...methods.founddiff import HIGHEST, LOWEST, to_network
    from ...networks import DACLIP, DADiffUNet
    from ...networks.residual_diffusion import START_NOISE, TIMES, network_time

    torch.manual_seed(0)
    network, perception = _awake(DADiffUNet()), DACLIP().eval()
    with torch.no_grad():
        low = to_network(_hu())
        state = low + START_NOISE * torch.randn_like(low)  # where the sampler begins
        raw = network(torch.cat([state, low], dim=1), network_time(torch.tensor([TIMES - 1])), *perception(low))
    network = _scaled(network, network.final_conv, raw, 2 * RESIDUAL_HU / (HIGHEST - LOWEST))
    parts = {"unet": network, "perception": perception}
    return {f"{name}.{key}": x for name, part in parts.items() for key, x in part.state_dict().items()}


def _hu() -> Tensor:
    """[1, 1, 128, 128] HU: a slice that is made, every fourth pixel: all its tissues under noise."""
    import torch

    from .slices import made_slices

    return torch.from_numpy(made_slices(1).hu)[:, None, ::4, ::4]


def _awake(network):
    import torch

    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=STD)
    return network.eval()


def _scaled(network, last, raw: Tensor, wanted: float):
    """The network with its last layer such that what it gave, `raw`, has the mean 0 and the standard deviation
    `wanted`."""
    import torch

    with torch.no_grad():
        scale = wanted / raw.std()
        last.weight *= scale
        last.bias.copy_(scale * (last.bias - raw.mean()))
    return network


if __name__ == "__main__":  # in a process of its own: whoever measures stays light
    save_random_models(Path(sys.argv[1]), sys.argv[2:])
    print(json.dumps({"models": sys.argv[2:]}))
