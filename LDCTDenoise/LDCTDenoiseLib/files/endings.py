"""The volume formats that are told apart by the ending of a file's name."""

from __future__ import annotations

from pathlib import Path

# .nii.gz before .nii: the longer ending is looked for first.
KINDS = {
    ".nii.gz": "nifti",
    ".nii": "nifti",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".mha": "metaimage",
    ".mhd": "metaimage",
}
ENDINGS_SENTENCE = ".nrrd, .nhdr, .nii, .nii.gz, .mha or .mhd"


def ending_of(path: Path) -> str:
    """The ending of `path` in lower case if it is a volume format's, otherwise ''."""
    name = path.name.lower()
    return next((ending for ending in KINDS if name.endswith(ending)), "")
