"""Names of files that readers and writers of volumes can take."""

from __future__ import annotations

from os import PathLike

from ..errors import InputError


def require_unicode(path: str | PathLike[str]) -> None:
    """InputError for a path that is no valid Unicode: SimpleITK stops the program on it, and JSON cannot hold it."""
    text = str(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        shown = text.encode("utf-8", "replace").decode("utf-8")
        raise InputError(f"The name {shown} is not valid Unicode; rename the file or folder.") from error
