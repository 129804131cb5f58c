"""`denoise`: from a model id to a result with its record."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

from ..errors import Cancelled, InputError
from ..methods import Denoiser, load_denoiser
from ..version import package_version
from ..volume import CTVolume
from ..weights.cards import Card
from ..weights.store import find_card
from .devices import Setup
from .engine import Outcome, Settings, denoise_volume

DEFAULT_MODEL = "rddm-balanced"


@dataclass(frozen=True)
class DenoiseResult:
    """volume: the denoised CTVolume; spread: standard deviation between draws in HU (not an uncertainty), or None;
    record: everything needed to make the same result again; stepped_down: memory was short."""

    volume: CTVolume
    spread: CTVolume | None
    record: dict
    stepped_down: bool = False


class WarmModel:
    """A model that is loaded and checked once and used for many volumes."""

    def __init__(self, card: Card, denoiser: Denoiser | None = None):
        self.card = card
        self.denoiser = denoiser or load_denoiser(card)
        self._setups: dict[tuple, Setup] = {}

    def denoise(self, volume: CTVolume, settings: Settings, **callbacks) -> DenoiseResult:
        """See `denoise`; callbacks: progress, notice, cancel."""
        steps = getattr(self.denoiser, "default_steps", None) if settings.steps is None else settings.steps
        key = (settings.device, settings.precision, steps, volume.standard().shape[1:])
        setup, self._setups = self._setups.get(key), {}  # while it is checked the method stands now here, now there

        def standing(setup: Setup | None) -> None:  # also of a run that is then cancelled
            self._setups = {} if setup is None else {key: setup}

        try:
            outcome = denoise_volume(volume, self.denoiser, settings, setup=setup, standing=standing, **callbacks)
        except (Cancelled, InputError):
            raise
        except BaseException:  # whatever state a device is in now
            self._setups = {}
            raise
        record = _record(self.card, volume, settings, outcome, steps)
        return DenoiseResult(outcome.volume, outcome.spread, record, outcome.stepped_down)

    def rest(self) -> None:
        """The method computes nothing for some time: see `Denoiser`."""
        if hasattr(self.denoiser, "rest"):
            self.denoiser.rest()


def denoise(
    volume: CTVolume,
    model: str = DEFAULT_MODEL,
    *,
    seed: int = 0,
    strength: float = 1.0,
    draws: int = 1,
    device: str = "auto",
    precision: str = "auto",
    slices: tuple[int, int] | None = None,
    steps: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    notice: Callable[[str], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> DenoiseResult:
    """Denoise a CT volume. For research use only.

    model     an id that `list_models` gives
    seed      the same seed gives the same result, whatever the batch size
    strength  1 is the full effect; less mixes the input back in: input + strength · (denoised − input)
    draws     average that many random answers; their standard deviation is given as `spread`
    slices    (A, B) for axial slices A up to but without B, counted along their axis as the volume is stored
    steps     evaluations of the network a slice, for methods that take several; None for the method's own number
    progress  called as progress(done, total, stage); notice(text) and cancel() -> bool likewise optional
    Raises InputError with one plain sentence, Cancelled when cancel() was true.
    """
    settings = Settings(seed, strength, draws, device, precision, slices, steps=steps)
    settings.check(volume.axial_count)
    warm = WarmModel(find_card(model))
    return warm.denoise(volume, settings, progress=progress, notice=notice, cancel=cancel)


def _record(card: Card, volume: CTVolume, settings: Settings, outcome: Outcome, steps: int | None) -> dict:
    first, last = settings.slices or (0, volume.axial_count)
    return {
        "software": "LDCTDenoise",
        "version": package_version(),
        "use": "For research use only. Not for diagnosis.",
        "model": card.id,
        "model_version": card.version,
        "checksum": card.sha256,
        "parameters": card.parameters,
        "seed": settings.seed,
        "strength": settings.strength,
        "draws": settings.draws,
        "steps": steps,
        "slices": [settings.first_slice + first, settings.first_slice + last],
        "device": outcome.rung.device,
        "precision": outcome.setup.precision,
        "plain": outcome.setup.plain,
        "batch": outcome.rung.batch,
        "tile": outcome.rung.tile,
        "self_check_rms_hu": outcome.setup.difference_hu,
        "notices": list(outcome.notices),
        "seconds": round(outcome.seconds, 3),
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **_versions("numpy", "torch", "SimpleITK", "scikit-image")},
    }


def _versions(*names: str) -> dict[str, str]:
    """Versions of those packages that this process has really imported."""
    found = {}
    for name in names:
        module = sys.modules.get({"scikit-image": "skimage"}.get(name, name))
        if module is not None:
            found[name] = str(getattr(module, "__version__", ""))
    return found
