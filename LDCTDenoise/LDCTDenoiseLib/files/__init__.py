"""Files in, files out: DICOM series, NRRD, NIfTI and MetaImage become a CTVolume and back.

SimpleITK and pydicom are imported only when a file is read or written, so that `ldct-denoise --help` stays quick.
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from ..errors import Cancelled, InputError
from ..volume import CTVolume
from .endings import ENDINGS_SENTENCE, ending_of
from .names import require_unicode

Progress = Callable[[int, int, str], None]
Cancel = Callable[[], bool]


def read_volume(
    path: str | PathLike[str], *, progress: Progress | None = None, cancel: Cancel | None = None
) -> CTVolume:
    """The CT volume at `path`, in Hounsfield units.

    path      a folder that holds one DICOM series, any one file of a series (its siblings in the folder are
              read too), or a file that ends in .nrrd .nhdr .nii .nii.gz .mha .mhd.
    progress  called as progress(done, total, stage) with the stages "scan" (headers) and "read" (pixels).
    cancel    asked between files; True stops the work.

    What a user should know about the volume, such as a gantry tilt, is in `source.notices`.
    Raises InputError for whatever is not one CT volume, Cancelled when `cancel` says so.
    """
    path = Path(path)
    require_unicode(path)
    progress = progress or _silent
    check = _raiser(cancel)
    check()
    try:
        is_folder = path.is_dir()
        if not is_folder and not path.exists():
            raise InputError(f"{path} does not exist; check the spelling.")
        if not is_folder and ending_of(path):
            from .images import read_image

            return read_image(path, progress=progress, check=check)
        from .dicom import read_dicom

        return read_dicom(path, progress=progress, check=check)
    except MemoryError as error:
        raise InputError(f"{path.name} does not fit into this computer's memory; choose a smaller series.") from error
    except BrokenPipeError:  # who listened to the progress has gone; the file is innocent
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"{path} could not be read ({reason}); check the file and your right to read it.") from error


def write_volume(volume: CTVolume, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
    """Writes `volume` as NRRD, NIfTI or MetaImage, by the ending of `path`; returns the path.

    The file appears whole or not at all, missing parent folders are made, and an existing file is replaced only
    with `overwrite`. The integer type of the source is kept where it can hold the values (rounded half to even);
    a float source stays float32.

    Raises InputError for an unknown ending, an existing file, or a place that cannot be written to.
    """
    path = Path(path)
    require_unicode(path)
    if not ending_of(path):
        raise InputError(f"{path.name} has no ending that this program can write; name it {ENDINGS_SENTENCE}.")
    from .image_writer import write_image

    return write_image(volume, path, overwrite=overwrite)


def _silent(done: int, total: int, stage: str) -> None:
    """Progress that nobody watches."""


def _raiser(cancel: Cancel | None) -> Callable[[], None]:
    """`cancel` as something to call between two files: it returns, or it raises Cancelled."""

    def check() -> None:
        if cancel is not None and cancel():
            raise Cancelled("reading was cancelled")

    return check
