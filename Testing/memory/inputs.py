"""A scan of any length, and networks of the published sizes. Nothing of it is in memory at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

AIR, OUTSIDE = -1000, -3024  # HU, of air and of what lies outside the field of view
SPACING = (0.7, 0.7, 1.0)  # mm
AUTHORS, PUBLISHED = "rddm-published-size", "founddiff-published-size"


def one_slice(size: int) -> np.ndarray:
    """int16 [size, size] HU: a noisy body in air, in a round field of view with padding around it."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    body = np.where((x / 0.75) ** 2 + (y / 0.55) ** 2 < 1, 45.0, AIR)
    body += np.random.default_rng(0).normal(0, 25, body.shape)
    return np.where(x**2 + y**2 < 1, body.clip(-1024, 3071).round(), OUTSIDE).astype(np.int16)


def write_file(path: Path, size: int, slices: int, dtype: str) -> None:
    """A volume file whose voxels have the type `dtype`."""
    from LDCTDenoiseLib import CTVolume
    from LDCTDenoiseLib.files import write_volume
    from LDCTDenoiseLib.volume import Source

    hu = np.broadcast_to(one_slice(size).astype(np.float32), (slices, size, size))
    write_volume(CTVolume(hu, SPACING, source=Source(dtype=dtype)), path)


def write_series(folder: Path, size: int, slices: int) -> None:
    """A series of CT images, all with the same picture at other places."""
    from pydicom import dcmwrite
    from pydicom.uid import CTImageStorage, generate_uid

    folder.mkdir()
    dataset = _image(one_slice(size), CTImageStorage)
    for number in range(slices):
        uid = generate_uid(entropy_srcs=["memory", str(number)])
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
        dataset.InstanceNumber = number + 1
        dataset.ImagePositionPatient = [0, 0, number * SPACING[2]]
        with (folder / f"{number:04d}.dcm").open("wb") as file:
            if hasattr(dataset, "original_encoding"):  # pydicom 3
                dcmwrite(file, dataset, enforce_file_format=True)
            else:
                dataset.is_little_endian, dataset.is_implicit_VR = True, False
                dcmwrite(file, dataset, write_like_original=False)


def _image(pixels: np.ndarray, sop_class: str):
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = sop_class, ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    values = {
        "SOPClassUID": sop_class,
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.4",
        "SeriesNumber": 1,
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [SPACING[1], SPACING[0]],
        "SliceThickness": SPACING[2],
        "RescaleSlope": 1,
        "RescaleIntercept": 0,
        "RescaleType": "HU",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,  # before the padding, which has its sign
        "PixelPaddingValue": OUTSIDE,
    }
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def write_networks() -> None:
    """Models of the published sizes, into the folder that LDCT_DENOISE_HOME names."""
    import torch
    from LDCTDenoiseLib.networks import DACLIP, DADiffUNet, RDDMUNet

    torch.manual_seed(0)
    _write_model(AUTHORS, "rddm", (-1024.0, 3072.0), {}, _drawn(RDDMUNet()))
    parts = {"unet": _drawn(DADiffUNet()), "perception": _drawn(DACLIP())}
    weights = {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()}
    network = {"unet": {}, "perception": {}, "start": "published"}
    _write_model(PUBLISHED, "founddiff", (-1000.0, 2000.0), network, weights, steps=2)


def _drawn(network) -> dict:
    """Its weights; layers that start as zero get others, or there would be nothing to compute."""
    import torch

    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.01)
    return network.state_dict()


def _write_model(id: str, family: str, window: tuple[float, float], network: dict, weights: dict, **values) -> None:
    from LDCTDenoiseLib.weights.cards import Card
    from LDCTDenoiseLib.weights.store import imported_folder, save_weights

    texts = dict.fromkeys(("description", "licence", "training_data", "intended_use"), "For tests, random weights.")
    card = Card(id=id, title=id, version="1", family=family, network=network, hu_window=window, **texts, **values)
    save_weights(imported_folder(), card, weights)
