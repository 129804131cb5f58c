"""The memory ladder: what to try next when a batch does not fit. Every step down is told to the user."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import InputError

FIRST_TILE = 256
SMALLEST_TILE = 128


@dataclass(frozen=True)
class Rung:
    """How slices are being computed: `batch` at a time, whole (tile None) or in tiles of that many pixels."""

    device: str
    batch: int
    tile: int | None = None

    def below(self, uses_device: bool = True) -> tuple[Rung, str]:
        """The next rung and the sentence that says so. InputError when there is nothing left to try."""
        if self.batch > 1:
            half = self.batch // 2
            return replace(self, batch=half), f"Memory is short: going on with {_slices(half)} at a time."
        if self.tile is None and uses_device:
            return (
                replace(self, tile=FIRST_TILE),
                f"Memory is short even for one slice: going on in overlapping tiles of {FIRST_TILE} pixels, "
                "which changes the result by some HU.",
            )
        if self.tile is not None and self.tile > SMALLEST_TILE:
            return replace(self, tile=self.tile // 2), f"Memory is short: going on in tiles of {self.tile // 2} pixels."
        if self.device != "cpu":
            return Rung("cpu", 1), "The device has too little memory: going on with the processor, which is slower."
        raise InputError(
            "There is too little memory to denoise even a small tile: close other programs or use a smaller model."
        )


_SIGNS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "alloc_failed",
    "bad_alloc",  # a C++ library that torch did not expect to fail
    "could not create a primitive",  # oneDNN: a convolution that found no room to prepare itself
    "could not create a memory",
    "could not execute a primitive",
    "can't start new thread",  # a thread needs a stack
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of NumPy, of torch's allocators or of a GPU library says that memory ran out."""
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in text for sign in _SIGNS)


def _slices(count: int) -> str:
    return "one slice" if count == 1 else f"{count} slices"
