"""--device of the commands that simulate noise."""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", default="auto", help="auto (default: a CUDA device where there is one), cpu, cuda, cuda:N or mps"
    )


def chosen_place(device: str, notice: Callable[[str], None] | None = None):
    """Where to simulate. InputError for a device that is not there or cannot; 'auto' then takes the processor."""
    from ..inference.devices import check_device, devices_to_try
    from ..simulation.place import Place

    check_device(device)
    if device == "cpu" or (device == "auto" and not (has_gpu_driver() and has_torch())):
        return Place(notice=notice)
    if not has_torch():
        raise InputError(f"The device {device} needs PyTorch, which is not installed: pip install torch.")
    name = devices_to_try(device)[0]
    if device == "auto" and not name.startswith("cuda"):
        return Place(notice=notice)
    from ..simulation.fan_beam_torch import torch_place

    try:
        return torch_place(name, notice)
    except InputError as error:
        if device != "auto":
            raise
        if notice:
            notice(f"{error} The processor does it.")
        return Place(notice=notice)


def has_gpu_driver() -> bool:
    """Whether CUDA or ROCm may work: known at once, where importing torch takes longer than a slice's simulation."""
    for library in ("libcuda.so.1", "nvcuda.dll"):
        try:
            ctypes.CDLL(library)
            return True
        except OSError:
            pass
    return Path("/dev/kfd").exists()


def has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None
