"""The slice of a subject that a report shows, with its maps of noise."""

from __future__ import annotations

from ..report.pictures import Pictures, slice_to_show
from ..texture.noise import noise_map
from .subject import Subject


def pictures_of(subject: Subject, answer: dict, number: int | None = None) -> Pictures:
    """Of the stored slice `number`, one of the measured; None chooses the one that shows most."""
    number = slice_to_show(answer) if number is None else number
    place = subject.numbers.index(number)
    images = {name: hu[place] for name, hu in subject.stacks.items()}
    return Pictures.of(
        number, subject.pixel, images, {name: noise_map(hu, subject.pixel) for name, hu in images.items()}
    )
