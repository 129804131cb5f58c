"""A network as one CUDA graph: its hundreds or thousands of kernels are started by one call.

A kernel takes Python and the driver some 5 µs to start, which is longer than most kernels of a small network run. What
cannot be captured, or gives other values when it is replayed, goes on without a graph, and the log says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor

AGREEMENT = 5e-4  # largest difference of a replay from the function itself, of the largest value
Replay = Callable[[], None]
log = logging.getLogger(__name__)


def capture(function: Callable[[], Tensor], device: torch.device) -> tuple[Replay, Tensor]:
    """The launches of `function` on a CUDA device as a graph: what replays it, and the tensor that it then fills."""
    graph, computing, aside = torch.cuda.CUDAGraph(), torch.cuda.current_stream(device), torch.cuda.Stream(device)
    aside.wait_stream(computing)
    with torch.cuda.stream(aside):
        function()  # libraries fetch their workspaces for a stream at its first use, which a graph should not hold
        torch.cuda.synchronize(device)
        release(device)
        # another thread may meanwhile pin memory for the next batch, which only this mode allows
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            output = function()
        finally:
            graph.capture_end()
    computing.wait_stream(aside)
    return graph.replay, output


def release(device: torch.device) -> None:
    """Give back what torch keeps of a device's memory: a graph takes its own, and cannot use that."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


class Captured:
    """A function of tensors of one device, replayed as a graph from the third call with the same shapes on.

    Two such calls in a row show that more will come; the odd batch at the end of a volume is computed without a graph.
    One graph is kept, since each holds all the memory that the network needs. Not for several threads at once.

    function  tensors, and hashable keyword arguments, to one tensor; the same for the same arguments
    capture   as the function of that name; tests give another
    """

    def __init__(self, function: Callable[..., Tensor], capture: Callable = capture):
        self._function, self._capture = function, capture
        self._graph: _Graph | None = None
        self._last: Hashable = None
        self._refused: set[Hashable] = set()

    def __call__(self, *inputs: Tensor, **choices: Hashable) -> Tensor:
        """The function's value. The tensor is overwritten by the next call: use it before, on the same stream."""
        key = (tuple((tuple(x.shape), x.dtype, x.device) for x in inputs), tuple(sorted(choices.items())))
        again, self._last = self._last == key, key
        if self._graph is not None and self._graph.key == key:
            return self._graph(inputs)
        if again and key not in self._refused:
            self._graph = None  # its memory may be needed
            self._graph = self._captured(key, inputs, choices)
            if self._graph is not None:
                return self._graph(inputs)
        return self._directly(inputs, choices)

    def _directly(self, inputs: Sequence[Tensor], choices: dict) -> Tensor:
        try:
            return self._function(*inputs, **choices)
        except RuntimeError:
            if self._graph is None:
                raise
        self._graph = None  # most likely it was the memory that the graph of another shape holds
        release(inputs[0].device)
        return self._function(*inputs, **choices)

    def _captured(self, key: Hashable, inputs: Sequence[Tensor], choices: dict) -> _Graph | None:
        device = inputs[0].device
        try:
            own = [x.clone() for x in inputs]
            graph = _Graph(key, own, *self._capture(lambda: self._function(*own, **choices), device))
            # other values than the captured ones: nothing of those may have stayed in the graph
            others = [x.flip(-1) for x in inputs]
            difference = _difference(self._function(*others, **choices), graph(others))
            if not difference <= AGREEMENT:
                raise RuntimeError(f"its replay differs by {difference:.1e}")
        except RuntimeError as error:
            log.warning("The network goes on without a CUDA graph: %s", error)
            self._refused.add(key)
        else:
            return graph
        release(device)
        return None


class _Graph:
    """A captured function with the tensors that it reads and fills."""

    def __init__(self, key: Hashable, inputs: Sequence[Tensor], replay: Replay, output: Tensor):
        self.key, self._inputs, self._replay, self._output = key, inputs, replay, output

    def __call__(self, inputs: Sequence[Tensor]) -> Tensor:
        for own, given in zip(self._inputs, inputs, strict=True):
            own.copy_(given)
        self._replay()
        return self._output


def _difference(expected: Tensor, got: Tensor) -> float:
    """Largest difference relative to the largest value; infinite for NaN."""
    difference = float((expected - got).abs().max() / expected.abs().max().clamp_min(1e-30))
    return difference if difference == difference else float("inf")
