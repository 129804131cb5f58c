"""From file to file: the command `denoise` on a DICOM series that is made here, as a person would call it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from .processes import as_command, environment
from .random_models import RANDOM
from .rounds import Result, or_notice
from .rows import PLAIN, is_network
from .slices import made_slices

_MOST_SECONDS = 150.0  # expected: what takes longer is reckoned well enough from its seconds a slice
_DIFFERENT = 16  # slices; the series repeats them


def files_rows(results: Sequence[Result], slices: int, place: Path, device: str, precision: str, line) -> list[dict]:
    """Every network that is measured in the quick way: {"model", "slices", "seconds", "inside" (s a slice of
    computing), "device", "precision"}. Those that fail or would take minutes are left out with a notice."""
    chosen = {r.row.model: r for r in results if is_network(r.row.model) and r.row.way != PLAIN}
    if not chosen:
        return []
    source, rows = place / "series", []
    make_series(source, slices)
    for number, (model, result) in enumerate(chosen.items(), 1):
        if result.seconds * slices > _MOST_SECONDS:
            line.notice(f"{model} from file to file is left out: it would take {result.seconds * slices:.0f} s.")
            continue
        line.now(f"{slices} slices from file to file: {model} ({number} of {len(chosen)})")
        with or_notice(line, f"{model} from file to file is left out"):
            figures = _one(model, source, place / f"{model}-out", place, device, precision, slices)
            rows.append({"model": model, "slices": slices, **figures})
    line.wipe()
    return rows


def _one(model: str, source: Path, output: Path, place: Path, device: str, precision: str, slices: int) -> dict:
    import shutil
    import subprocess

    report = output.with_suffix(".json")
    words = ("denoise", str(source), str(output), "--model", model, "--device", device)
    words += ("--precision", precision, "--progress", "none")
    home = {"LDCT_DENOISE_HOME": str(place / "home")} if model in RANDOM else {}
    begun = time.perf_counter()
    done = subprocess.run(
        as_command(*words, "--report", str(report)), capture_output=True, text=True, env=environment(**home)
    )
    taken = time.perf_counter() - begun
    if done.returncode:
        raise InputError(done.stderr.strip().removeprefix("ldct-denoise: ") or f"{model} could not be run.")
    record = json.loads(report.read_text(encoding="utf-8"))
    shutil.rmtree(output)
    return {
        "seconds": taken, "inside": record["seconds"] / slices,
        "device": record["device"], "precision": record["precision"],
    }  # fmt: skip


def make_series(folder: Path, slices: int) -> None:
    """A plain CT series, uncompressed, without a patient."""
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir()
    hu = made_slices(min(slices, _DIFFERENT)).hu
    study, series, frame = (generate_uid() for _ in range(3))
    for number in range(slices):
        pixels = (hu[number % len(hu)] + 1024).astype(np.uint16)
        one = Dataset()
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = CTImageStorage
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series, frame
        one.Modality, one.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
        one.PatientName, one.PatientID, one.StudyDate, one.SeriesNumber = "Made^Benchmark", "MADE", "20260101", 1
        one.InstanceNumber, one.SliceThickness = number + 1, 3.0
        one.ImagePositionPatient = [-192.0, -192.0, 3.0 * number]
        one.ImageOrientationPatient, one.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.75, 0.75]
        one.Rows, one.Columns = pixels.shape
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 12, 11, 0
        one.RescaleSlope, one.RescaleIntercept, one.RescaleType = 1, -1024, "HU"
        one.PixelData = pixels.tobytes()
        one["PixelData"].VR = "OW"
        _save(one, folder / f"{number:04d}.dcm")


def _save(one, path: Path) -> None:
    """pydicom 2.4 and 3 name the standard file format differently."""
    try:
        one.save_as(path, enforce_file_format=True)
    except TypeError:
        one.is_little_endian, one.is_implicit_VR = True, False
        one.save_as(path, write_like_original=False)
