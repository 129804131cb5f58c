"""A training run as a small TOML file; `base` takes another file's values and says only what differs."""

from __future__ import annotations

from dataclasses import MISSING, fields
from importlib import resources
from pathlib import Path

from ..errors import InputError
from .config import Phase, TrainingConfig
from .series import check_split, find_series

PATHS = ("data", "folder", "begin", "perception")  # relative to the file that says them


def read_config(
    path: Path,
    data: Path | None = None,
    folder: Path | None = None,
    validation: tuple[str, ...] | None = None,
    begin: Path | None = None,
    perception: Path | None = None,
) -> TrainingConfig:
    """The configuration in a file; `data`, `folder`, `validation`, `begin` and `perception` replace its own.

    Raises InputError with what is wrong: unknown or missing entries, values that cannot be, no data, a validation
    name that is not there."""
    path = Path(path)
    values = _values(path, ())
    own_data, own_folder = values.pop("data", path.parent / "data"), values.pop("folder", None)
    phases = [*values.pop("phase", []), *values.pop("then", [])]
    if validation is not None:
        values["validation"] = list(validation)
    if begin is not None:
        values["begin"] = Path(begin)
    if perception is not None:
        values["perception"] = Path(perception)
    values = {**values, "series": (), "phases": tuple(_checked(Phase, phase) for phase in phases)}
    values["folder"] = Path(folder) if folder else own_folder or Path("runs") / path.stem
    _checked(TrainingConfig, values)  # what is written in the file comes before what is missing beside it
    values["series"] = find_series(Path(data) if data else own_data)
    config = _checked(TrainingConfig, values)
    check_split(config.series, config.validation)
    return config


def find_config(name: str) -> Path:
    """The file of a configuration: a path that ends in .toml, or the name of one that comes along."""
    path = Path(name)
    if path.suffix == ".toml":
        return path
    shipped = Path(str(resources.files(__package__) / "configs" / f"{name}.toml"))
    if not shipped.exists():
        known = ", ".join(sorted(p.stem for p in shipped.parent.glob("*.toml")))
        raise InputError(f"There is no configuration {name}: give a .toml file or one of {known}.")
    return shipped


def _values(path: Path, above: tuple[Path, ...]) -> dict:
    """The values of a file over those of its base: entries and tables are replaced, [[then]] follows [[phase]]."""
    path = path.absolute()
    if path in above:
        raise InputError(f"The configuration {path.name} is its own base.")
    values = _read_toml(path)
    for key in (*PATHS, "base"):
        if not isinstance(values.get(key, ""), str):
            what = {"base": "configuration", "begin": "file", "perception": "file"}.get(key, "folder")
            raise InputError(f"The configuration is not right: {key} is not the name of a {what}.")
    for key in ("phase", "then"):
        phases = values.get(key, [])
        if not isinstance(phases, list) or not all(isinstance(phase, dict) for phase in phases):
            raise InputError(f"The configuration is not right: its phases are not written as [[{key}]].")
    for key in PATHS:
        if key in values:
            values[key] = path.parent / values[key]
    base = values.pop("base", None)
    if base is None:
        return values
    where = find_config(base)
    below = _values(where if where.is_absolute() else path.parent / where, (*above, path))
    below.pop("folder", None)  # two runs never share a folder
    if "phase" not in values:
        values["phase"] = [*below.pop("phase", []), *below.pop("then", [])]
    below.pop("then", None)
    return {**below, **values}


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


def _checked(kind: type, values: dict):
    known = {f.name for f in fields(kind)}
    if unknown := set(values) - known:
        raise InputError(f"The configuration has unknown entries: {', '.join(sorted(unknown))}.")
    required = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    if missing := [name for name in required if name not in values]:
        where = f" in the phase {values.get('name', '')!r}" if kind is Phase else ""
        raise InputError(f"The configuration lacks{where}: {', '.join(missing)}.")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
