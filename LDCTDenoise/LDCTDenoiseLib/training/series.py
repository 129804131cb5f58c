"""The series to learn from: which files and folders are CT series, and what they are called."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError

ENDINGS = (".ctz", ".nrrd", ".nhdr", ".nii.gz", ".nii", ".mha", ".mhd")  # .nii.gz first: it is dropped whole


def find_series(folder: Path) -> tuple[Path, ...]:
    """Every `.ctz` stack, NRRD, NIfTI, MetaImage and DICOM folder directly in `folder`, by name."""
    found = sorted(
        p for p in folder.glob("*") if not p.name.startswith(".") and (p.is_dir() or p.name.lower().endswith(ENDINGS))
    )
    if not found:
        raise InputError(f"There is no CT series ({', '.join(ENDINGS)} or a DICOM folder) in {folder}.")
    return tuple(found)


def name_of(series: Path) -> str:
    """The name of a series: of its file without the ending of a volume, or of its folder."""
    name = Path(series).name
    ending = next((e for e in ENDINGS if name.lower().endswith(e)), "")
    return name[: len(name) - len(ending)]


def check_split(series: tuple[Path, ...], validation: tuple[str, ...]) -> None:
    """InputError unless names are unique, every validation name is there, and a series is left to train on."""
    names = [name_of(p) for p in series]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"Two series of the data are named {name}; rename one of them.")
    if missing := sorted(set(validation) - set(names)):
        known = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
        raise InputError(
            f"No series is named {', '.join(missing)} in the data, which hold {known}; "
            "choose from these with --validation A,B, or --validation none."
        )
    if not set(names) - set(validation):
        raise InputError("Every series of the data is for validation, so none is left to train on.")
