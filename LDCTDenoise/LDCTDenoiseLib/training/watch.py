"""An early warning when training goes wrong: said while there is time to stop, not after the night."""

from __future__ import annotations

import math

SHORT, LONG = 100, 1000  # steps over which the moving averages reach back
SETTLED = 300  # steps of a phase after which its figures are judged
RISE = 1.3  # of the loss over its lowest average of the phase
EXPLOSION = 30.0  # of a gradient's norm over the typical one
SILENT, LOUD = 0.05, 3.0  # generated over real residuals, standard deviations
FELL_DB = 1.0  # of validation gain below the best of the phase
SAME_HU = 0.005  # spread between draws below which the random start no longer matters
REPEAT = 1000  # steps before the same thing is said again


class Watch:
    """Hears the figures of every step and of every validation, and answers with sentences for the log, mostly none.

    The averages are per phase: another objective has other sizes. A loss that is no number is the loop's to stop at.
    """

    def __init__(self) -> None:
        self._said: dict[str, int] = {}
        self._phase: object = None
        self._forget()

    def phase(self, phase: object) -> None:
        """Which phase the next figures are of; nothing is kept from another one."""
        if phase != self._phase:
            self._phase = phase
            self._forget()

    def _forget(self) -> None:
        self._steps = 0
        self._loss = self._lowest = self._ratio = math.nan
        self._log_gradient = math.nan
        self._best = -math.inf

    def step(self, step: int, figures: dict[str, float]) -> list[str]:
        """figures as `take_step` gives them."""
        self._steps += 1
        loss, gradient = figures["loss"], max(figures["gradient"], 1e-30)
        typical, settled = self._log_gradient, self._steps > SETTLED
        self._loss = _moved(self._loss, loss, SHORT)
        self._ratio = _moved(self._ratio, figures.get("residual", 1.0), SHORT)  # of networks that make pictures
        self._log_gradient = _moved(self._log_gradient, math.log(gradient), LONG)
        found = []
        if self._steps > SHORT and math.log(gradient) - typical > math.log(EXPLOSION):
            found += self._once(step, "gradient", f"the gradient is {gradient:.2g}, usually {math.exp(typical):.2g}")
        if settled:
            if self._loss > RISE * self._lowest:
                found += self._once(step, "loss", f"the loss has risen to {self._loss:.3g} from {self._lowest:.3g}")
            if self._ratio < SILENT:
                found += self._once(step, "silent", "the output is the input: the residuals have collapsed to nothing")
            if self._ratio > LOUD:
                found += self._once(step, "loud", f"residuals are {self._ratio:.1f} times as strong as the real ones")
        if self._steps > SHORT:
            self._lowest = min(self._loss, self._lowest) if math.isfinite(self._lowest) else self._loss
        return found

    def validation(self, step: int, figures: dict[str, float], drifting: bool) -> list[str]:
        """figures as `ValidationSet.evaluate` gives them; `drifting` where the phase has temperatures."""
        gain = figures.get("gain_db")
        if gain is None:
            return []
        found = []
        if not math.isfinite(gain) or (gain < 0 and self._steps > SETTLED):
            found += self._once(step, "worse", f"validation slices come out worse than they went in ({gain:+.2f} dB)")
        if gain < self._best - FELL_DB:
            found += self._once(step, "fell", f"validation fell to {gain:+.2f} dB from {self._best:+.2f} dB")
        if drifting and figures["spread_hu"] < SAME_HU:
            found += self._once(step, "same", "every random start gives the same answer")
        self._best = max(self._best, gain)
        return found

    def _once(self, step: int, kind: str, text: str) -> list[str]:
        """The sentence, unless it was said a short while ago."""
        if step - self._said.get(kind, -REPEAT) < REPEAT:
            return []
        self._said[kind] = step
        return [f"Step {step}: {text}."]


def _moved(average: float, value: float, steps: int) -> float:
    return value if math.isnan(average) else average + (value - average) / steps
