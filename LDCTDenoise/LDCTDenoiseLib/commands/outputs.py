"""What a command will write: checked before hours of work, and written as one."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from ..atomic import check_output
from ..errors import InputError


def check_outputs(paths: list[Path], overwrite: bool) -> None:
    """InputError if one of the outputs could not be written later, or if two of them are the same file."""
    seen: set[Path] = set()
    for path in paths:
        check_output(path, overwrite)
        if (whole := path.absolute()) in seen:
            raise InputError(f"{path} is named for two different outputs: give each a name of its own.")
        seen.add(whole)


def require(*packages: str) -> None:
    """InputError if an optional package that the command needs in the end is missing."""
    modules = {"scikit-image": "skimage", "pydicom-data": "data_store"}
    missing = [name for name in packages if find_spec(modules.get(name, name)) is None]
    if missing:
        raise InputError(f"This command needs {' and '.join(missing)}: pip install {' '.join(missing)}.")


def write_json(facts: dict, path: Path) -> None:
    """UTF-8, readable by a person; `path` is a place aside of an atomic output."""
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
