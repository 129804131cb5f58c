"""The weights that the Fréchet inception distance needs. A user brings them: nothing is shipped or downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .checkpoint_file import open_checkpoint
from .checkpoint_tensors import check_finite, check_names, check_tensors, unwrapped
from .safetensors_file import read_tensors
from .store import require_torch

if TYPE_CHECKING:
    from ..networks.fid_inception import FIDInception

WHAT = "Inception v3 for FID"
_COUNTER = ".num_batches_tracked"  # of a BatchNorm; some files hold them, nothing reads them
_MOST_BYTES = 1024**3  # the file has about 96 MB


def load_fid_inception(path: Path) -> FIDInception:
    """The network on the CPU, ready to evaluate, from `pt_inception-2015-12-05-6726825d.pth` or the same tensors as
    safetensors. Raises InputError, one sentence, for anything else; no code in the file is run."""
    torch = require_torch()
    from ..networks.fid_inception import FIDInception

    path = Path(path)
    stored = _safetensors(path) if path.suffix == ".safetensors" else open_checkpoint(path)
    if not isinstance(stored, Mapping) or not all(isinstance(name, str) for name in stored):
        raise InputError(f"{path.name} is a PyTorch file without named tensors; give the weights of {WHAT}.")
    state = {name: value for name, value in unwrapped(stored).items() if not name.endswith(_COUNTER)}
    with torch.device("meta"):
        network = FIDInception()
    shapes = {name: tuple(v.shape) for name, v in network.state_dict().items() if not name.endswith(_COUNTER)}
    check_names(state, shapes, path.name, WHAT)
    check_tensors(state, shapes, path.name, WHAT)
    check_finite(state, path.name)
    network = network.to_empty(device="cpu")
    network.load_state_dict(state, strict=False)  # the counters alone are missing
    return network.eval().requires_grad_(False)


def _safetensors(path: Path) -> Mapping[str, object]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path.name} is larger than the weights of {WHAT}.")
        return read_tensors(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}).") from error
