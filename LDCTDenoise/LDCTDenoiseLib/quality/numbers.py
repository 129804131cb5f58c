"""Numbers as people read them: a real minus, no minus zero, errors that never read as nothing."""

from __future__ import annotations

import math

NOTHING = "–"  # could not be measured


def finite(value: object) -> float | None:
    """The number, or None for what is none: null, NaN, infinity, a text."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def number(value: float | None, digits: int) -> str:
    """ "12.3", "−0.4", "0.0" (never "−0.0"), "–"."""
    if value is None:
        return NOTHING
    text = f"{value:.{digits}f}"
    return f"{abs(value):.{digits}f}" if float(text) == 0 else text.replace("-", "−")


def signed(value: float | None, digits: int) -> str:
    """ "+12.3", "−0.4", "0.0", "–"."""
    text = number(value, digits)
    return text if value is None or text.startswith("−") or float(text) == 0 else f"+{text}"


def with_error(value: float | None, error: float | None, digits: int, sign: bool = False) -> str:
    """ "12.3 ± 0.4": one standard error; up to two digits more where it would read as zero, and then "± <0.001"."""
    if value is None or error is None:
        return signed(value, digits) if sign else number(value, digits)
    shown = next((more for more in range(digits, digits + 3) if round(error, more) > 0), digits)
    text = signed(value, shown) if sign else number(value, shown)
    if error > 0 and not round(error, shown) > 0:
        return f"{text} ± <{10 ** -(digits + 2):.{digits + 2}f}"
    return f"{text} ± {number(error, shown)}"
