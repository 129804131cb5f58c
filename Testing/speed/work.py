"""What is measured along each axis: numbers of slices, matrix sizes, draws."""

from __future__ import annotations

from dataclasses import dataclass

from .checkout import NotMeasured

SIDE = 512
_COUNTS = (20, 50, 100, 200, 500, 1000, 2000)
_SIDES = (128, 192, 256, 384, 512, 768, 1024)
_DRAWS = (1, 2, 3, 4, 6, 8)
_MATRIX_SLICES, _DRAWS_SLICES = 60, 20  # where these grow: so many that the work is more than the start


@dataclass(frozen=True)
class Work:
    """One series and what is done with it."""

    slices: int
    side: int = SIDE
    draws: int = 1

    @property
    def pixels(self) -> int:
        """Evaluated, in all."""
        return self.slices * self.side**2 * self.draws

    def told(self) -> str:
        draws = f", {self.draws} draws" if self.draws > 1 else ""
        return f"{self.side}×{self.side}×{self.slices}{draws}"


@dataclass(frozen=True)
class Axis:
    """What grows, and the unit by which it is counted."""

    name: str
    title: str
    unit: str
    works: tuple[Work, ...]

    def x(self, work: Work) -> float:
        return {"slices": work.slices, "matrix": work.side**2 / 1e6, "draws": work.draws}[self.name]

    def label(self, work: Work) -> str:
        """Of a point, for people."""
        return {"slices": f"{work.slices:,}", "matrix": f"{work.side}²", "draws": str(work.draws)}[self.name]


def axes(most: int, names: list[str]) -> list[Axis]:
    """The axes of those names; `most`: of the slices. NotMeasured for a name that is none."""
    counts = sorted({*(count for count in _COUNTS if count < most), most})
    few, fewer = min(_MATRIX_SLICES, most), min(_DRAWS_SLICES, most)
    found = {
        "slices": Axis("slices", f"slices of {SIDE}×{SIDE}", "slice", tuple(Work(count) for count in counts)),
        "matrix": Axis("matrix", f"matrix ({few} slices)", "Mpixel", tuple(Work(few, side) for side in _SIDES)),
        "draws": Axis(
            "draws", f"draws ({fewer} slices of {SIDE}×{SIDE})", "draw", tuple(Work(fewer, SIDE, k) for k in _DRAWS)
        ),
    }
    for name in names:
        if name not in found:
            raise NotMeasured(f"Nothing is measured against {name}: choose among {', '.join(found)}.")
    return [found[name] for name in names]
