"""The ways in which work ends early, told apart from a defect of the program."""

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path


class InputError(ValueError):
    """Something that the user can mend.

    The message is one plain sentence (two at most) that says what is wrong and what to do;
    the command line prints it and ends with status 2, the panel shows it.
    """


class Cancelled(Exception):
    """The user asked to stop; nothing half-made is left behind."""


def does_not_load(error: BaseException) -> str:
    """The sentence for an installed package whose machine code does not load; nothing for all other errors.

    Systems tell too little memory from a damaged file badly, or not at all.
    """
    path = error.path if isinstance(error, ImportError) else None
    if path is None or not path.endswith(tuple(EXTENSION_SUFFIXES)):
        return ""
    file = "/".join(Path(path).parts[-2:])  # all of it may name whoever has installed it
    return (
        f"{file} of an installed package does not load; there is too little memory for it, or it is damaged: close "
        "other programs, or install the package again."
    )
