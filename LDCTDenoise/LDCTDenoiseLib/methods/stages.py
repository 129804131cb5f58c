"""A network as a method, in three stages that the engine can overlap: before the device, on it, and after it.

`denoise` is the three one after the other. On a GPU the next batch is begun, and the last one finished, while one is
computed; what a slice gives does not depend on that.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .contract import check_batch
from .noise import gaussian_noise
from .transfers import Arriving, transfers
from .window import Window

if TYPE_CHECKING:  # torch is imported where it computes: the classical methods live without it
    from torch import Tensor

    from ..networks.captured import Captured


@dataclass(frozen=True)
class Begun:
    """A batch before the device: float32 [n, rows, columns] in HU, the same where the device fetches it, and ε."""

    slices: np.ndarray
    hu: Tensor
    noise: Tensor


@dataclass(frozen=True)
class Computed:
    """A batch that the device has been told to compute, with what `finish` needs."""

    begun: Begun
    hu: Arriving


class NetworkMethod:
    """The part of a `contract.Denoiser` that RDDM and FoundDiff share.

    A method says its window, and what the network makes of slices in `_evaluate`; its `place` ends with `_settle`.

    window  that the network sees; values outside are clipped before it and stay as they are in the result
    """

    uses_device = True
    is_random = True
    window: Window

    def _evaluate(self, low_dose: Tensor, noise: Tensor, size: tuple[int, int], **choices: Any) -> Tensor:
        """The estimate of the normal dose, [n, 1, H, W] in [−1, 1], from two tensors of that shape on the device.

        low_dose  in [−1, 1], its edge repeated so that H and W are multiples of what `_settle` was told
        size      rows and columns that are the slice's own
        choices   those of `_choices`
        """
        raise NotImplementedError

    def _choices(self) -> dict:
        """What else the evaluation depends on and a user may change between two batches; hashable values."""
        return {}

    def _settle(self, device: str, multiple: int, plain: bool) -> None:
        """From now on compute on `device`; sides must be multiples of `multiple`. plain: see `contract.place`."""
        self._multiple, self._transfers = multiple, transfers(device)
        self._computes = self._captured() if device.startswith("cuda") and not plain else None  # None: `_evaluate`

    def _captured(self) -> Captured:
        from ..networks.captured import Captured

        # a method of its own kept in the object would be a circle: what is dropped, and its place on a card, would
        # stay until Python looks for rubbish
        here = weakref.proxy(self)
        return Captured(lambda *inputs, **choices: here._evaluate(*inputs, **choices))

    def rest(self) -> None:
        """See `contract.Denoiser`. The next batches are captured anew, also what was refused when memory was short."""
        if self._computes is not None:
            self._computes = self._captured()

    def begin(
        self, slices_hu: np.ndarray, *, seeds: Sequence[int], spacing: tuple[float, float] | None = None
    ) -> Begun:
        """What the processor does before the device: arguments of `denoise`; may run in another thread."""
        slices = check_batch(slices_hu, seeds)
        noise = self._transfers.unset((len(slices), 1, *(side + -side % self._multiple for side in slices.shape[1:])))
        gaussian_noise(seeds, noise.shape[2:], out=noise.numpy())
        return Begun(slices, self._transfers.host(slices), noise)

    def compute(self, begun: Begun) -> Computed:
        """Tell the device what to do with a batch; on CUDA without waiting for it. Batches are finished in order."""
        import torch

        rows, columns = begun.slices.shape[1:]
        below, right = (side - own for side, own in zip(begun.noise.shape[2:], (rows, columns), strict=True))
        with torch.inference_mode(), self._transfers.here():
            x = self.window.to_network(self._transfers.up(begun.hu)[:, None])
            x = torch.nn.functional.pad(x, (0, right, 0, below), mode="replicate")
            evaluate = self._computes or self._evaluate
            y = evaluate(x, self._transfers.up(begun.noise), size=(rows, columns), **self._choices())
            return Computed(begun, self._transfers.down(self.window.from_network(y)[:, 0, :rows, :columns]))

    def finish(self, computed: Computed) -> np.ndarray:
        """Wait for the device: the result of `denoise`."""
        slices, out = computed.begun.slices, computed.hu.numpy()
        np.copyto(out, slices, where=(slices < self.window.lowest) | (slices > self.window.highest))
        return out

    def denoise(
        self, slices_hu: np.ndarray, *, seeds: Sequence[int], spacing: tuple[float, float] | None = None
    ) -> np.ndarray:
        """See `contract.Denoiser.denoise`. HU outside the window are not seen by the network and stay as they are."""
        return self.finish(self.compute(self.begin(slices_hu, seeds=seeds, spacing=spacing)))
