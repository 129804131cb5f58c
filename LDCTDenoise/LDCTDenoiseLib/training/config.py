"""A training run as data: a small TOML file, checked before anything is computed."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields
from pathlib import Path

from ..errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Phase:
    """Steps of one kind. Without temperatures the objective is paired regression (L1)."""

    name: str
    steps: int
    patch: int
    batch: int
    learning_rate: float
    final_learning_rate: float | None = None  # reached along a cosine; None keeps the rate
    temperatures: tuple[float, ...] = ()
    l1_weight: float = 0.0


@dataclass(frozen=True)
class TrainingConfig:
    id: str
    title: str
    description: str
    series: tuple[Path, ...]
    validation: tuple[str, ...]  # names of series (patients) that are never trained on
    network: dict
    phases: tuple[Phase, ...]
    dose: tuple[float, float] = (0.08, 0.6)
    seed: int = 0
    ema: float = 0.999
    precision: str = "bfloat16"
    validate_every: int = 500
    folder: Path = field(default_factory=Path)


def read_config(path: Path, data: Path | None = None, folder: Path | None = None) -> TrainingConfig:
    """The configuration in a file; `data` and `folder` replace its own, whose paths are relative to the file.

    Raises InputError with what is wrong: unknown or missing keys, no data, a validation name that is not there."""
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The configuration {path.name} is not valid TOML: {error}.") from error
    base = path.parent
    own_data, own_folder = values.pop("data", "data"), values.pop("folder", None)
    values["series"] = tuple(_find_series(Path(data) if data else base / own_data))
    values["folder"] = Path(folder) if folder else base / own_folder if own_folder else Path("runs") / path.stem
    values["phases"] = tuple(_checked(Phase, phase) for phase in values.pop("phase", []))
    for key in ("validation", "dose"):
        if key in values:
            values[key] = tuple(values[key])
    config = _checked(TrainingConfig, values)
    missing = set(config.validation) - {name_of(p) for p in config.series}
    if missing:
        raise InputError(f"No series is named {', '.join(sorted(missing))} in the data of {path.name}.")
    return config


def name_of(series: Path) -> str:
    return series.name.removesuffix(".ctz")


def _find_series(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.glob("*") if p.is_dir() or p.name.endswith((".ctz", ".nrrd", ".nii.gz", ".mha")))
    if not found:
        raise InputError(f"There is no CT series (.ctz, .nrrd, .nii.gz, .mha or a DICOM folder) in {folder}.")
    return found


def _checked(kind: type, values: dict):
    known = {f.name for f in fields(kind)}
    if unknown := set(values) - known:
        raise InputError(f"The configuration has unknown entries: {', '.join(sorted(unknown))}.")
    if "temperatures" in values:
        values = {**values, "temperatures": tuple(values["temperatures"])}
    try:
        return kind(**values)
    except TypeError as error:
        raise InputError(f"The configuration lacks an entry: {error}.") from error
