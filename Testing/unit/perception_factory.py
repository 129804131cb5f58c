"""A perception made for tests: it sees the standard deviation of a slice as the dose, and its mean as the anatomy."""

from __future__ import annotations

import numpy as np
import torch
from LDCTDenoiseLib.methods.perception import Perception

ANATOMIES = ("chest", "abdomen", "head")


class SeesNoise:
    """Embeddings of one number each; keeps a diary of the batches and places."""

    def __init__(self):
        self.batches, self.places = [], []

    def place(self, device):
        self.places.append(device)

    def perceive(self, slices_hu):
        self.batches.append(slices_hu.copy())
        return slices_hu.std(axis=(1, 2))[:, None], slices_hu.mean(axis=(1, 2))[:, None]


def read_out(dose, anatomy):
    """Noise of 10 HU is the usual dose, 20 HU a quarter; below −300 HU it is chest, above 100 HU head."""
    chances = torch.cat([anatomy < -300, (anatomy >= -300) & (anatomy <= 100), anatomy > 100], dim=1).float()
    return -2 * torch.log(dose[:, 0] / 10), chances * 0.9 + 0.1 / 3


def a_perception(embedder=None) -> Perception:
    return Perception("founddiff-test", embedder or SeesNoise(), read_out, ANATOMIES)


def slices_of(*parts: tuple[int, float, float], side: int = 32) -> np.ndarray:
    """float32 [n, side, side]: parts of (number of slices, mean HU, SD of the noise HU)."""
    rng = np.random.default_rng(0)
    made = []
    for count, mean, noise in parts:
        field = rng.standard_normal((count, side, side))
        field -= field.mean(axis=(1, 2), keepdims=True)
        field /= field.std(axis=(1, 2), keepdims=True)
        made.append(mean + noise * field)
    return np.concatenate(made).astype(np.float32)


def founddiff_weights() -> tuple[dict[str, torch.Tensor], dict]:
    """Random weights of a FoundDiff of little width with its readout, and `network` of its card."""
    from LDCTDenoiseLib.networks import DACLIP, DADiffUNet
    from LDCTDenoiseLib.networks.perception_readout import PerceptionReadout

    unet = {"dim": 8, "multipliers": [1, 1], "fold": 2, "dose_features": 16, "anatomy_features": 8}
    perception = {"embed": 16, "layers": [1, 1], "width": 8, "anatomy_features": 8}
    torch.manual_seed(0)
    parts = {
        "unet": DADiffUNet(**unet),
        "perception": DACLIP(**perception),
        "perception_readout": PerceptionReadout(16, 8, len(ANATOMIES)),
    }
    weights = {f"{part}.{name}": value for part, made in parts.items() for name, value in made.state_dict().items()}
    return weights, {"unet": unet, "perception": perception, "start": "published", "anatomies": list(ANATOMIES)}


def a_perceiving_model(monkeypatch, *without: str) -> str:
    """The id of such a model, imported, `without` some entries of its card; it perceives what `SeesNoise` does."""
    from LDCTDenoiseLib.methods import perception
    from LDCTDenoiseLib.weights.cards import Card
    from LDCTDenoiseLib.weights.store import imported_folder, save_weights

    weights, network = founddiff_weights()
    card = Card(
        id="founddiff-tiny", title="Tiny", version="1", family="founddiff", description="For tests.", licence="none",
        training_data="none", intended_use="tests", hu_window=(-1000.0, 2000.0), steps=2,
        network={name: value for name, value in network.items() if name not in without},
    )  # fmt: skip
    monkeypatch.setattr(perception.Perception, "perceive", a_perception().perceive)
    return save_weights(imported_folder(), card, weights).id
