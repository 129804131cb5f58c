"""Dates and times, all in the one time zone that a header declares for itself."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from .elements import put
from .words import text_of

if TYPE_CHECKING:
    from pydicom import Dataset

_ANEW = ("Series", "Content", "InstanceCreation")  # dates and times of the object itself
_OFFSET = r"([+-])(\d\d)(\d\d)"
_MOMENT = re.compile(r"(\d{8})(\d{2,6})?(\.\d{1,6})?(?:" + _OFFSET + ")?")


def clock(header: Dataset, now: datetime) -> datetime:
    """`now` in the time zone of the header, or the local one."""
    return now.astimezone(_zone(text_of(header, "TimezoneOffsetFromUTC")))


def tell_time(header: Dataset, now: datetime) -> None:
    """When the object was made. The acquisition keeps its own times."""
    for kind in _ANEW:
        put(header, f"{kind}Date", now.strftime("%Y%m%d"))
        put(header, f"{kind}Time", now.strftime("%H%M%S"))


def date_and_time(header: Dataset, keyword: str) -> tuple[str, str]:
    """A date-time of the header as a date and a time; '' for what it does not tell.

    It may name a time zone of its own, and is then turned into the header's.
    """
    found = _MOMENT.fullmatch(text_of(header, keyword).replace(" ", ""))
    if not found:
        return "", ""
    date, time, fraction = found[1], found[2] or "", found[3] or ""
    theirs = _zone("".join(part or "" for part in found.groups()[3:]))
    ours = _zone(text_of(header, "TimezoneOffsetFromUTC"))
    if theirs and ours and len(time) == 6:
        try:
            moment = datetime.strptime(date + time, "%Y%m%d%H%M%S").replace(tzinfo=theirs).astimezone(ours)
        except (ValueError, OverflowError):  # no such day
            return "", ""
        date, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
    return date, time + fraction if len(time) == 6 else time


def _zone(text: str) -> timezone | None:
    parts = re.fullmatch(_OFFSET, text)
    if not parts or int(parts[2]) > 14 or int(parts[3]) > 59:
        return None
    offset = timedelta(hours=int(parts[2]), minutes=int(parts[3]))
    return timezone(-offset if parts[1] == "-" else offset)
