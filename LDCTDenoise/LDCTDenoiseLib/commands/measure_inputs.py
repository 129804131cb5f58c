"""What `ldct-denoise measure` looks at: the volume, what was made of it, its normal dose, and the user's regions."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..quality.report.text import plain
from ..quality.tissue import TISSUES
from ..volume import CTVolume
from .records import records_of

RESERVED = ("input", "reference")


@dataclass(frozen=True)
class Inputs:
    """volume as stored; first, last  the range of axial slices, as stored; standard  the measured ones, counted in the
    standard orientation; regions  masks of the whole volume, as stored; most  slices that were asked for at most."""

    volume: CTVolume
    first: int
    last: int
    standard: np.ndarray
    regions: tuple[np.ndarray, ...]
    most: int
    notices: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The measured slices as the file counts them, in the order of `standard`."""
        return tuple(int(n) for n in self._turned(self.standard))

    @property
    def part(self) -> CTVolume:
        """The chosen slices in the standard orientation."""
        return self.volume.slices(self.first, self.last, self.volume.orientation.slice_axis).standard()

    def measured(self, array: np.ndarray) -> np.ndarray:
        """[measured slices, rows, columns] of an array of the whole volume, or of its chosen slices, as stored."""
        there, total = self.volume.orientation.apply(array), self.volume.axial_count
        if len(there) < total:
            return there[self.standard - self.volume.orientation.first_standard(self.first, self.last, total)]
        return there[self.standard]

    def _turned(self, numbers: np.ndarray) -> np.ndarray:
        return self.volume.axial_count - 1 - numbers if self.volume.orientation.flipped[0] else numbers


def denoised_file(text: str) -> tuple[str, Path]:
    """'NAME=FILE' or 'FILE' → (name, path)."""
    name, equals, file = text.partition("=")
    if Path(text).exists():  # a folder or file that has an equals sign in its name
        name, equals, file = "", "", text
    path = Path(file if equals else text)
    name = plain(name if equals else path.name.partition(".")[0] or path.name)
    if not name or name in RESERVED:
        raise argparse.ArgumentTypeError(f"{name!r} cannot be the name of a denoised volume: write NAME={path}")
    return name, path


def read_inputs(
    path: Path, reporter, *, slices: tuple[int, int] | None, most: int, regions: Sequence[Path] = ()
) -> Inputs:
    """slices  the chosen range, as stored; most  slices to measure; regions  files as `read_regions` takes them.

    Raises InputError as reading does, for slices that do not exist, and for more than two regions.
    """
    from ..files import read_volume
    from ..files.regions import read_regions
    from ..quality.measurement import spread_evenly
    from ..quality.measurement.regions import in_other_slices

    volume = read_volume(path, progress=reporter.progress)
    count = volume.axial_count
    first, last = slices or (0, count)
    if not 0 <= first < last <= count:
        raise InputError(f"The volume has {count} slices: choose a range A:B with 0 ≤ A < B ≤ {count}.")
    masks = [mask for file in regions for mask in read_regions(file, volume, most=2)]
    if len(masks) > 2:
        raise InputError(f"There are {len(masks)} regions of interest; choose one, or two for their CNR.")
    counts, notices = (np.arange(count) >= first) & (np.arange(count) < last), ()
    drawn = [np.moveaxis(mask, volume.orientation.slice_axis, 0).any(axis=(1, 2)) for mask in masks]
    if drawn:  # the slices of the first region, as far as they are allowed
        counts &= drawn[0]
        if not counts.any():
            raise InputError("The first region of interest lies outside the chosen slices.")
    if len(drawn) > 1:
        notices = in_other_slices(drawn[0], drawn[1])
    inside = np.flatnonzero(counts)
    stored = inside[spread_evenly(len(inside), most)]
    whole = Inputs(volume, first, last, stored, tuple(masks), most, notices)
    return replace(whole, standard=np.sort(whole._turned(stored)))


def measured_subject(
    inputs: Inputs,
    results: Iterable,
    *,
    name: str,
    denoised: Sequence[tuple[str, Path]] = (),
    reference: Path | None = None,
    record: Path | None = None,
):
    """(Subject, {model id: figures of its run}): one volume after the other, and only the measured slices are kept."""
    from ..quality.measurement import INPUT, REFERENCE, Subject

    volume, of_runs = inputs.volume, {}
    notices = [*volume.source.notices, *inputs.notices]
    stacks, records = {INPUT: inputs.measured(volume.hu)}, records_of(record, denoised, notices)
    for one, path in denoised:
        stacks[one] = _slices_of(path, inputs, notices)
    for id, result in results:
        stacks[id], records[id] = inputs.measured(result.volume.hu), result.record
        of_runs[id] = {"seconds_per_slice": result.record["seconds"] / (inputs.last - inputs.first)}
        if result.spread is not None:
            of_runs[id]["spread"] = _root_mean_square(inputs.measured(result.spread.hu), stacks[INPUT])
    if reference:
        stacks[REFERENCE] = _slices_of(reference, inputs, notices)
    standard = volume.standard()
    subject = Subject(
        stacks=stacks,
        spacing=standard.spacing,
        name=plain(name),
        titles=titles_of(stacks),
        numbers=inputs.numbers,
        shape=standard.shape[::-1],
        measured=None if volume.padding is None else ~inputs.measured(volume.padding),
        rois=tuple(inputs.measured(region) for region in inputs.regions),
        most=inputs.most,
        records=records,
        notices=tuple(notices),
    )
    return subject, of_runs


def _slices_of(path: Path, inputs: Inputs, notices: list[str]) -> np.ndarray:
    """The measured slices of another volume, which holds either all slices of the input or the chosen ones."""
    from ..files import read_volume

    other, volume = read_volume(path), inputs.volume
    part = volume.slices(inputs.first, inputs.last, volume.orientation.slice_axis)
    like = next((one for one in (volume, part) if one.shape == other.shape), None)
    if like is None:
        raise InputError(
            f"{plain(path.name)} has {_times(other)} voxels and the input {_times(volume)}: they must agree."
        )
    if not other.lies_like(like):
        notices.append(f"{plain(path.name)} lies elsewhere in space than the input: are they the same slices?")
    return inputs.measured(other.hu)


def _root_mean_square(spread: np.ndarray, hu: np.ndarray) -> float:
    """HU, over whatever is denser than air."""
    inside = hu > TISSUES["air"][1]
    return float(np.sqrt(np.mean(np.square(spread[inside], dtype=np.float64)))) if inside.any() else float("nan")


def titles_of(names) -> dict[str, str]:
    """The models' titles for images that bear a model's id."""
    from ..weights.store import list_cards

    titles = {card.id: card.title for card in list_cards()[0]}
    return {name: titles[name] for name in names if name in titles}


def _times(volume: CTVolume) -> str:
    return "×".join(str(side) for side in volume.shape[::-1])
