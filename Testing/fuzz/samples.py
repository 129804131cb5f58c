"""Small sound files of every kind, as {name: bytes}; what is spoilt of them is chosen in `cases`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from LDCTDenoiseLib import CTVolume

from .samples_dicom import DICOM

Files = dict[str, bytes]


def volume() -> CTVolume:
    """What regions are drawn on: int16 values, [6, 14, 11]."""
    hu = np.random.default_rng(0).integers(-1000, 2000, (6, 14, 11)).astype(np.float32)
    return CTVolume(hu, (0.8, 0.7, 3.0), (-20.0, 12.0, 100.0))


@cache
def sample(kind: str) -> Files:
    """The files of a sound sample; the first is the one to read."""
    if kind in DICOM:
        return DICOM[kind]()
    return _OTHERS[kind]()


def _image(ending: str, dtype: str = "int16", compressed: bool = False) -> Callable[[], Files]:
    def make() -> Files:
        image = sitk.GetImageFromArray(volume().hu.astype(dtype))
        image.SetSpacing((0.8, 0.7, 3.0))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"x{ending}"
            sitk.WriteImage(image, str(path), useCompression=compressed)
            others = sorted(file for file in path.parent.iterdir() if file != path)
            return {file.name: file.read_bytes() for file in (path, *others)}

    return make


def _labels() -> Files:
    labels = np.zeros((6, 14, 11), np.uint8)
    labels[2:4, 4:9, 3:8] = 1
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((0.8, 0.7, 3.0))
    image.SetOrigin((-20.0, 12.0, 100.0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "roi.nrrd"
        sitk.WriteImage(image, str(path))
        return {path.name: path.read_bytes()}


def _markups() -> Files:
    box = {
        "type": "ROI", "coordinateSystem": "LPS", "roiType": "Box", "center": [-16.0, 16.0, 107.0], "size": [4.0, 4.0,
        6.0], "orientation": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], "locked": False,
        "controlPoints": [{"id": "1"}],
    }  # fmt: skip
    return {"roi.mrk.json": json.dumps({"@schema": "markups", "markups": [box, box]}).encode()}


def _card() -> Files:
    facts = {
        "id": "rddm-test", "title": "A test", "version": "1", "family": "rddm", "description": "For tests.",
        "licence": "CC0", "training_data": "Made up.", "intended_use": "Tests.", "network": {"width": 8},
        "hu_window": [-1024, 3072], "weights": "rddm-test.safetensors", "sha256": "0" * 64, "size": 10, "steps": 2,
        "references": ["x"],
    }  # fmt: skip
    return {"rddm-test.json": json.dumps(facts).encode()}


def _safetensors() -> Files:
    import torch
    from LDCTDenoiseLib.weights.safetensors_file import write_tensors

    tensors = {"a.weight": torch.ones(3, 4), "a.bias": torch.zeros(4, dtype=torch.float16), "n": torch.tensor([7])}
    return {"x.safetensors": write_tensors(tensors)}


def _checkpoint(new_format: bool = True) -> Callable[[], Files]:
    def make() -> Files:
        import torch
        from weights_factory import a_state

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "fine.pth"
            content = {"model": a_state(), "ema": list(a_state(1).values()), "step": 5}
            torch.save(content, path, _use_new_zipfile_serialization=new_format)
            return {path.name: path.read_bytes()}

    return make


_OTHERS: dict[str, Callable[[], Files]] = {
    "nrrd": _image(".nrrd"),
    "nrrd gzip": _image(".nrrd", compressed=True),
    "nhdr": _image(".nhdr", compressed=False),
    "nhdr gzip": _image(".nhdr", compressed=True),
    "mha": _image(".mha"),
    "mha zlib": _image(".mha", compressed=True),
    "mhd": _image(".mhd"),
    "mhd zlib": _image(".mhd", compressed=True),
    "nii": _image(".nii"),
    "nii float": _image(".nii", "float32"),
    "nii.gz": _image(".nii.gz"),
    "labels": _labels,
    "markups": _markups,
    "card": _card,
    "safetensors": _safetensors,
    "checkpoint": _checkpoint(),
    "checkpoint old": _checkpoint(False),
}
KINDS = (*DICOM, *_OTHERS)
