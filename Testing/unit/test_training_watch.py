"""The early warning speaks when training goes wrong, and is silent while it goes well."""

import numpy as np
import pytest
from LDCTDenoiseLib.training.watch import REPEAT, Watch

GOOD = {"gain_db": 4.0, "spread_hu": 1.0}


def run(steps: int, watch: Watch | None = None, start: int = 1, **figures) -> list[str]:
    """Notices of so many steps; a figure is a number or a function of the step."""
    watch, rng, said = watch or Watch(), np.random.default_rng(start), []
    for step in range(start, start + steps):
        normal = {"loss": 0.01 * np.exp(0.2 * rng.standard_normal()), "gradient": np.exp(0.5 * rng.standard_normal())}
        changed = {key: value(step) if callable(value) else value for key, value in figures.items()}
        said += watch.step(step, {**normal, "residual": 0.8, **changed})
    return said


def test_a_good_run_is_silent():
    watch = Watch()
    assert run(3000, watch) == [] and run(3000, loss=lambda step: 1 / step) == []
    assert watch.validation(3000, GOOD, True) == []


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ({"loss": lambda step: 0.01 if step < 1000 else 0.02}, "the loss has risen"),
        ({"gradient": lambda step: 1.0 if step != 900 else 100.0}, "Step 900: the gradient is 1e.02, usually 1"),
        ({"residual": 0.01}, "the output is the input"),
        ({"residual": 5.0}, "5.0 times as strong as the real"),
    ],
)
def test_what_goes_wrong_is_said_once(figures, sentence):
    (said,) = run(1200, **figures)
    assert sentence.replace("1e.02", "1e+02") in said


def test_what_stays_wrong_is_said_again_after_a_while():
    assert len(run(int(2.5 * REPEAT), residual=0.0)) == 3


@pytest.mark.parametrize(
    ("figures", "drifting", "sentence"),
    [
        ({"gain_db": -0.5, "spread_hu": 1.0}, False, "worse than they went in"),
        ({"gain_db": float("nan"), "spread_hu": 1.0}, False, "worse than they went in"),
        ({"gain_db": 2.5, "spread_hu": 1.0}, False, "fell to +2.50 dB from +4.00 dB"),
        ({"gain_db": 4.0, "spread_hu": 0.0}, True, "every random start gives the same"),
    ],
)
def test_a_bad_validation_is_said(figures, drifting, sentence):
    watch = Watch()
    run(500, watch)
    assert watch.validation(400, GOOD, drifting) == []
    assert sentence in watch.validation(500, figures, drifting)[0]


def test_another_phase_is_judged_by_itself():
    watch = Watch()
    watch.phase(0)
    run(500, watch)
    watch.validation(500, GOOD, False)
    watch.phase(1)
    assert run(1000, watch, 501, loss=1.0, gradient=200.0) == []
    assert watch.validation(600, {"gain_db": 1.0, "spread_hu": 1.0}, True) == []


def test_paired_regression_may_ignore_the_random_start():
    assert Watch().validation(500, {"gain_db": 4.0, "spread_hu": 0.0}, drifting=False) == []
