"""Result files appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to; it takes the place of `path` when the block ends well.

    When the block fails nothing is left. Raises InputError where the folder is missing or may not be written.
    """
    target = Path(path)
    draft = target.with_name(f".{target.stem}.partial{target.suffix}")  # the ending tells matplotlib the format
    try:
        yield draft
        draft.replace(target)
    except OSError as error:
        raise InputError(f"Cannot write {target}: {error.strerror or error}.") from error
    finally:
        draft.unlink(missing_ok=True)
