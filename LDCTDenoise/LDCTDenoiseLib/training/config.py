"""A training run as data: a small TOML file, checked before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path

from ..errors import InputError
from ..weights.cards import is_id, is_text, is_whole

ENDINGS = (".ctz", ".nrrd", ".nhdr", ".nii.gz", ".nii", ".mha", ".mhd")  # .nii.gz first: it is dropped whole
PRECISIONS = ("float32", "bfloat16")


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

    def __post_init__(self) -> None:
        for problem in _phase_problems(self):
            raise InputError(f"The phase {self.name!r} of the configuration is not right: {problem}.")


@dataclass(frozen=True)
class TrainingConfig:
    """A whole run; InputError if a value is wrong, so that no hours are spent on it."""

    id: str
    title: str
    description: str
    version: str  # this and the next three go to the model's card: only whoever trains knows them
    licence: str
    training_source: str
    intended_use: str
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

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise InputError(f"The configuration is not right: {problem}.")


def read_config(
    path: Path, data: Path | None = None, folder: Path | None = None, validation: tuple[str, ...] | None = None
) -> TrainingConfig:
    """The configuration in a file; `data`, `folder` and `validation` replace its own. Its paths are relative to it.

    Raises InputError with what is wrong: unknown or missing entries, values that cannot be, no data, a validation
    name that is not there."""
    path = Path(path)
    values = _read_toml(path)
    base = path.parent
    for key in ("data", "folder"):
        if not isinstance(values.get(key, ""), str):
            raise InputError(f"The configuration is not right: {key} is not the name of a folder.")
    own_data, own_folder = values.pop("data", "data"), values.pop("folder", None)
    phases = values.pop("phase", [])
    if not isinstance(phases, list) or not all(isinstance(phase, dict) for phase in phases):
        raise InputError("The configuration is not right: its phases are not written as [[phase]].")
    if validation is not None:
        values["validation"] = list(validation)
    values = {**values, "series": (), "phases": tuple(_checked(Phase, phase) for phase in phases)}
    values["folder"] = Path(folder) if folder else base / own_folder if own_folder else Path("runs") / path.stem
    _checked(TrainingConfig, values)  # what is written in the file comes before what is missing beside it
    values["series"] = tuple(_find_series(Path(data) if data else base / own_data))
    config = _checked(TrainingConfig, values)
    _check_names(config)
    return config


def name_of(series: Path) -> str:
    """The name of a series: of its file without the ending of a volume, or of its folder."""
    name = Path(series).name
    ending = next((e for e in ENDINGS if name.lower().endswith(e)), "")
    return name[: len(name) - len(ending)]


def _read_toml(path: Path) -> dict:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        try:
            import tomli as tomllib
        except ModuleNotFoundError as error:
            raise InputError("Reading a configuration needs tomli on this Python: pip install tomli.") from error
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The configuration {path.name} is not text in UTF-8; save it as such.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"The configuration {path.name} is not valid TOML: {error}.") from error


def _find_series(folder: Path) -> list[Path]:
    found = sorted(
        p for p in folder.glob("*") if not p.name.startswith(".") and (p.is_dir() or p.name.lower().endswith(ENDINGS))
    )
    if not found:
        raise InputError(f"There is no CT series ({', '.join(ENDINGS)} or a DICOM folder) in {folder}.")
    return found


def _check_names(config: TrainingConfig) -> None:
    names = [name_of(p) for p in config.series]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"Two series of the data are named {name}; rename one of them.")
    if missing := sorted(set(config.validation) - set(names)):
        known = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
        raise InputError(
            f"No series is named {', '.join(missing)} in the data, which hold {known}; "
            "choose from these with --validation A,B, or --validation none."
        )
    if not set(names) - set(config.validation):
        raise InputError("Every series of the data is for validation, so none is left to train on.")


def _checked(kind: type, values: dict):
    known = {f.name for f in fields(kind)}
    if unknown := set(values) - known:
        raise InputError(f"The configuration has unknown entries: {', '.join(sorted(unknown))}.")
    required = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    if missing := [name for name in required if name not in values]:
        where = f" in the phase {values.get('name', '')!r}" if kind is Phase else ""
        raise InputError(f"The configuration lacks{where}: {', '.join(missing)}.")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def _problems(config: TrainingConfig) -> Iterator[str]:
    """What is wrong with the values of a run, one clause each."""
    if not is_id(config.id):
        yield "its id is not made of small letters, digits and hyphens (at most 64)"
    for name in ("title", "description", "version"):
        text = getattr(config, name)
        if not is_text(text) or not text.isprintable():
            yield f"{name} is not one line of text"
    for name in ("licence", "training_source", "intended_use"):
        if not is_text(getattr(config, name)):
            yield f"{name} is not a text"
    if not isinstance(config.validation, tuple) or not all(is_text(name) for name in config.validation):
        yield "validation is not a list of names"
    if not isinstance(config.network, dict):
        yield "network is not a table of the network's arguments"
    if not config.phases:
        yield "it needs at least one [[phase]]"
    dose = config.dose
    if not (isinstance(dose, tuple) and len(dose) == 2 and all(map(_is_number, dose)) and 0 < dose[0] <= dose[1] < 1):
        yield "dose is not two numbers between 0 and 1, the lower first"
    if not (is_whole(config.seed) and config.seed >= 0):
        yield "seed is not a whole number from 0 on"
    if not (_is_number(config.ema) and 0 <= config.ema < 1):
        yield "ema is not a number from 0 on and below 1"
    if config.precision not in PRECISIONS:
        yield f"precision is not {' or '.join(PRECISIONS)}"
    if not (is_whole(config.validate_every) and config.validate_every >= 1):
        yield "validate_every is not a whole number from 1 on"


def _phase_problems(phase: Phase) -> Iterator[str]:
    if not is_text(phase.name):
        yield "name is not a text"
    for name in ("steps", "patch", "batch"):
        value = getattr(phase, name)
        if not (is_whole(value) and value >= 1):
            yield f"{name} is not a whole number from 1 on"
    for name in ("learning_rate", "final_learning_rate"):
        value = getattr(phase, name)
        if not (_is_number(value) and value > 0) and (value is not None or name == "learning_rate"):
            yield f"{name} is not a number above 0"
    if not (_is_number(phase.l1_weight) and phase.l1_weight >= 0):
        yield "l1_weight is not a number from 0 on"
    temperatures = phase.temperatures
    if not (isinstance(temperatures, tuple) and all(_is_number(t) and t > 0 for t in temperatures)):
        yield "temperatures is not a list of numbers above 0"
    elif temperatures and phase.batch < 2:
        yield "drifting compares samples with each other, so batch must be at least 2"
    elif not temperatures and phase.l1_weight == 0:  # the loss would be 0 whatever the network does
        yield "without temperatures it is paired regression, which needs an l1_weight above 0"


def _is_number(value: object) -> bool:
    return is_whole(value) or (isinstance(value, float) and math.isfinite(value))
