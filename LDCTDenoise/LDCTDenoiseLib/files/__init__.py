"""Files in, files out: DICOM series, NRRD, NIfTI and MetaImage become a CTVolume and back.

SimpleITK and pydicom are imported only when a file is read or written, so that `ldct-denoise --help` stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from ..errors import Cancelled, InputError
from ..volume import CTVolume
from .endings import ending_of
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
    with _sentences(path):
        is_folder = path.is_dir()
        if not is_folder and not path.exists():
            raise InputError(f"{path} does not exist; check the spelling.")
        if not is_folder and ending_of(path):
            from .images import read_image

            return read_image(path, progress=progress, check=check)
        from .dicom import read_dicom

        return read_dicom(path, progress=progress, check=check)


def read_series(
    files: Sequence[str | PathLike[str]], *, progress: Progress | None = None, cancel: Cancel | None = None
) -> CTVolume:
    """The CT volume that exactly these DICOM files form, in any order and from any folders; see `read_volume`.

    For those who have grouped the files of a tree already: no folder is looked through.
    """
    paths = [Path(file) for file in files]
    if not paths:
        raise InputError("There are no files to read; choose the files of a CT series.")
    for path in paths:
        require_unicode(path)
    check = _raiser(cancel)
    check()
    with _sentences(paths[0]):
        from .dicom import read_dicom_files

        return read_dicom_files(paths, progress=progress or _silent, check=check)


def write_volume(
    volume: CTVolume,
    path: str | PathLike[str],
    *,
    overwrite: bool = False,
    record: Mapping | None = None,
    private: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Path:
    """Writes `volume` as NRRD, NIfTI or MetaImage, by the ending of `path`, or as a DICOM folder; returns the path.

    A path without one of those endings is a folder for a new DICOM series, with the headers of the series that
    `volume` was read from (see `derived.write_derived`, also for `record`, `private`, `progress` and `cancel`, which
    mean something for DICOM only).

    The file or folder appears whole or not at all, missing parent folders are made, and an existing output is replaced
    only with `overwrite`. In a volume file the integer type of the source is kept where it can hold the values (rounded
    half to even); a float source stays float32.

    Raises InputError for a volume that does not come from DICOM and a path without an ending, for an existing output,
    or a place that cannot be written to; Cancelled when `cancel` says so.
    """
    path = Path(path)
    require_unicode(path)
    if ending_of(path):
        from .image_writer import write_image

        return write_image(volume, path, overwrite=overwrite)
    from .derived import write_derived

    return write_derived(
        volume,
        path,
        record=record,
        overwrite=overwrite,
        private=private,
        progress=progress or _silent,
        check=_raiser(cancel),
    )


def _silent(done: int, total: int, stage: str) -> None:
    """Progress that nobody watches."""


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """What the system refuses becomes one sentence."""
    try:
        yield
    except MemoryError as error:
        raise InputError(f"{path.name} does not fit into this computer's memory; choose a smaller series.") from error
    except BrokenPipeError:  # who listened to the progress has gone; the file is innocent
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        file = error.filename if isinstance(error.filename, str) else path
        raise InputError(f"{file} could not be read ({reason}); check the file and your right to read it.") from error


def _raiser(cancel: Cancel | None) -> Callable[[], None]:
    """`cancel` as something to call between two files: it returns, or it raises Cancelled."""

    def check() -> None:
        if cancel is not None and cancel():
            raise Cancelled("reading or writing was cancelled")

    return check
