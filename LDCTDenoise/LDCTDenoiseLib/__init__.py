"""LDCTDenoise: noise reduction for low-dose CT. For research use only.

    from LDCTDenoiseLib import read_volume, write_volume, denoise, list_models

Names are loaded when they are first used, so that importing the package costs nothing and needs no torch.
"""

from importlib import import_module

_WHERE = {
    "CTVolume": "volume",
    "InputError": "errors",
    "Cancelled": "errors",
    "read_volume": "files",
    "write_volume": "files",
    "denoise": "inference.run",
    "DenoiseResult": "inference.run",
    "list_models": "weights.store",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(import_module(f".{_WHERE[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
