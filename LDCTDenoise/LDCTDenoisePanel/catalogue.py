"""The methods to choose from: what their cards say, and whether each is ready on this machine."""

from dataclasses import dataclass, field, replace

from slicer.i18n import tr as _

FIRST_CHOICES = ("rddm-balanced", "nlm", "bilateral")  # the default is the first of them that is ready
READY, NEEDS_WEIGHTS, NEEDS_PACKAGE, BROKEN = "ready", "weights", "package", "broken"
PACKAGE_TITLES = {"torch": "PyTorch", "skimage": "scikit-image"}


@dataclass(frozen=True)
class Method:
    """A method as the panel shows it.

    size: bytes of its weights. ready: it can be used now; if not, `why` may say why in a sentence, `hasWeights` is
    whether its weights are here (or it needs none), and `missing` names the packages that it lacks. perceives: it can
    also tell how much dose and which anatomy a volume looks like.
    """

    id: str
    title: str
    description: str = ""
    family: str = "classical"
    size: int | None = None
    licence: str = ""
    quality: dict = field(default_factory=dict)
    time: dict = field(default_factory=dict)
    ready: bool = True
    why: str = ""
    hasWeights: bool = True
    missing: tuple = ()
    perceives: bool = False

    @property
    def isRandom(self):
        """Whether seed and draws matter: classical filters are deterministic."""
        return self.family != "classical"

    @property
    def state(self):
        """What would help. Weights come first: a package alone would not do."""
        if self.ready:
            return READY
        if not self.hasWeights:
            return NEEDS_WEIGHTS
        return NEEDS_PACKAGE if self.missing else BROKEN


class Catalogue:
    """All methods, ready ones first, otherwise in the library's order (networks first)."""

    def __init__(self, methods=()):
        self._methods = sorted(methods, key=lambda method: not method.ready)

    def __iter__(self):
        return iter(self._methods)

    def __len__(self):
        return len(self._methods)

    def get(self, id):
        """The method of that id, or None."""
        return next((method for method in self._methods if method.id == id), None)

    def ready(self):
        return [method for method in self._methods if method.ready]

    def default(self):
        """The method for a user who has not chosen: the best one that is ready; None only if there is none at all."""
        ready = self.ready()
        wanted = [method for id in FIRST_CHOICES for method in ready if method.id == id]
        return next(iter(wanted + ready + self._methods), None)

    def perceiving(self):
        """The first method that is ready and tells dose and anatomy, or None."""
        return next((method for method in self.ready() if method.perceives), None)

    def refined(self, answer):
        """This catalogue with what a worker told, which has tried the packages. Unknown models are left out."""
        told = []
        for model in answer.get("models") or ():
            former = self.get(model["id"]) or Method(model["id"], model["title"])
            known = {name: model[name] for name in TOLD if model.get(name) is not None}
            told.append(replace(former, **known, missing=tuple(model.get("missing") or ())))
        return Catalogue(told) if told else self


TOLD = ("title", "description", "family", "size", "licence", "quality", "time", "ready", "why")  # by the worker


def readCatalogue():
    """The catalogue from the cards: JSON only, quick, nothing heavy is imported."""
    from LDCTDenoiseLib.methods.perception import perceives
    from LDCTDenoiseLib.methods.requirements import missing_packages
    from LDCTDenoiseLib.weights.store import PRESENT, availability, list_models

    methods = []
    for card in list_models():
        state, missing = availability(card), missing_packages(card)
        shown = {name: getattr(card, name) for name in TOLD[:-2]}
        here = state == PRESENT
        methods.append(
            Method(
                card.id,
                **shown,
                ready=here and not missing,
                why="" if here else state,
                hasWeights=here,
                missing=missing,
                perceives=perceives(card),
            )
        )
    return Catalogue(methods)


def whyNotReady(method):
    """One sentence for a tooltip; empty if the method is ready."""
    if method.ready:
        return ""
    if method.state == NEEDS_WEIGHTS:
        return _("The weights of {title} are not here: import them with Import weights…").format(title=method.title)
    if method.state == BROKEN:
        return method.why
    packages = ", ".join(PACKAGE_TITLES.get(name, name) for name in method.missing)
    return _("{title} needs {packages}, which is not installed.").format(title=method.title, packages=packages)
