"""Whether numbers look like Hounsfield units: files and other programs do not always say what theirs are."""

from __future__ import annotations

_SOME_BELOW = -200.0  # fat, lung or air is in every CT
_NONE_ABOVE = 1e5


def not_like_hounsfield_units(lowest: float, highest: float, what: str) -> str | None:
    """None, or the sentence that a user should read. `what` the values are of, such as the name of the file."""
    if lowest <= _SOME_BELOW and highest <= _NONE_ABOVE:
        return None
    return (
        f"The values of {what} lie between {lowest:g} and {highest:g}, which does not look like Hounsfield "
        "units; results hold for Hounsfield units only."
    )
