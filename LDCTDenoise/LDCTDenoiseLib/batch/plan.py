"""What a batch is to do: its options, and a task for every series. Plain values that processes can hand on."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..files.endings import ending_of
from .found import FoundSeries, Left

if TYPE_CHECKING:
    from ..inference.engine import Settings
    from ..weights.cards import Card

FORMATS = ("same", "dicom", "nrrd", "nii.gz", "mha")
_ONE_FILE = {".nhdr": ".nrrd", ".mhd": ".mha"}  # an output is one file, so that it comes and goes in one step


@dataclass(frozen=True)
class Options:
    """What is the same for all series of a batch.

    models     ids of the methods; seed, strength, draws, steps, device, precision: as `inference.denoise` takes them
    format     of the outputs, one of FORMATS; "same" as the input
    private    keep the private tags of the source in DICOM outputs
    overwrite  replace outputs that exist and are not what this batch would make
    anew       do again what is done already
    names      leave patients' names that folders and files bear in the log
    run        marks this run: what it has done it does not do anew
    """

    models: tuple[str, ...]
    seed: int = 0
    strength: float = 1.0
    draws: int = 1
    steps: int | None = None
    device: str = "auto"
    precision: str = "auto"
    format: str = "same"
    private: bool = False
    overwrite: bool = False
    names: bool = False
    anew: bool = False
    run: str = field(default_factory=lambda: secrets.token_hex(6))

    def check(self) -> dict[str, Card]:
        """The cards of the models. InputError for what can never work, before anything is read."""
        from ..inference.devices import check_device
        from ..inference.engine import no_steps
        from ..methods.requirements import missing_packages, what_is_missing

        if not self.models:
            raise InputError("Name at least one model, such as rddm-balanced.")
        if self.format not in FORMATS:
            raise InputError(f"There is no format {self.format}: choose one of {', '.join(FORMATS)}.")
        check_device(self.device)
        self.settings().check(1)
        cards = {}
        for id in self.models:
            card = cards[id] = self.card(id)
            if missing := what_is_missing(missing_packages(card)):
                raise InputError(f"For {id}, {missing}")
            if self.steps is not None and card.steps is None:
                raise InputError(no_steps(id))
        return cards

    @staticmethod
    def card(id: str) -> Card:
        """As `find_card` gives it."""
        from ..weights.store import find_card

        return find_card(id)

    def is_of_this_run(self, record: dict) -> bool:
        """Whether the work that a record tells of was done in this very run."""
        return record["task"].get("run") == self.run

    def settings(self) -> Settings:
        from ..inference.engine import Settings

        return Settings(self.seed, self.strength, self.draws, self.device, self.precision, steps=self.steps)

    def essence(self, card: Card) -> dict:
        """What decides the values of an output: two runs that agree in it make the same.

        The precision is that which was asked for. The device is not part of it, so that a batch may go on elsewhere:
        a device computes only after its self-check has found it within 0.5 HU of the processor.
        """
        return {
            "model": card.id,
            "model_version": card.version,
            "checksum": card.sha256,
            "seed": self.seed,
            "strength": self.strength,
            "draws": self.draws,
            "steps": self.steps,
            "precision": self.precision,
            "private": self.private,
        }


@dataclass(frozen=True)
class Task:
    """A series and where the result of each method goes; `number` counts from 1 in the batch."""

    number: int
    series: FoundSeries
    outputs: tuple[tuple[str, Path], ...]  # (model id, DICOM folder or volume file)


def plan(series: Sequence[FoundSeries], options: Options, output_tree: Path) -> tuple[list[Task], list[Left]]:
    """A task for every series, and what cannot be written in the wanted format."""
    tasks: list[Task] = []
    left: list[Left] = []
    for one in series:
        ending = _ending(one, options.format)
        if ending is None:
            why = "It is no DICOM series, so it cannot become one; leave out --format dicom."
            left.append(Left(one.name, len(one.files), why, one.secrets))
            continue
        outputs = tuple((model, output_tree / f"{one.name}_{model}{ending}") for model in options.models)
        tasks.append(Task(len(tasks) + 1, one, outputs))
    return tasks, left


def format_of(output: Path) -> str:
    """Of an output: "dicom" or the ending of its file without the dot."""
    return ending_of(output).lstrip(".") or "dicom"


def record_of(output: Path) -> Path:
    """The record beside an output: its name without the ending, and .json."""
    ending = ending_of(output)
    return output.with_name(f"{output.name[: len(output.name) - len(ending)]}.json")


def _ending(series: FoundSeries, format: str) -> str | None:
    """Of the output's name; nothing for a DICOM folder, None where the format is impossible."""
    if series.kind == "dicom":
        return "" if format in ("same", "dicom") else f".{format}"
    if format == "dicom":
        return None
    if format != "same":
        return f".{format}"
    ending = ending_of(series.files[0].path)
    return _ONE_FILE.get(ending, ending)
