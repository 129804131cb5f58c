"""What a command will write: checked before hours of work, and written as one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from ..errors import InputError
from ..files.outputs import check_outputs

__all__ = ["check_outputs", "model_files", "require", "write_json"]


def model_files(names: Iterable[str]) -> list[Path]:
    """What is read for models that are named by their folder or card's file, and not by an id."""
    homes = [Path(name).parent if name.endswith(".json") else Path(name) for name in names]
    return [file for home in homes if home.is_dir() and home != Path() for file in home.iterdir()]


def require(*packages: str) -> None:
    """InputError if an optional package that the command needs in the end is missing."""
    modules = {"scikit-image": "skimage", "pydicom-data": "data_store"}
    missing = [name for name in packages if find_spec(modules.get(name, name)) is None]
    if missing:
        raise InputError(f"This command needs {' and '.join(missing)}: pip install {' '.join(missing)}.")


def write_json(facts: dict, path: Path) -> None:
    """UTF-8, readable by a person; `path` is a place aside of an atomic output."""
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
