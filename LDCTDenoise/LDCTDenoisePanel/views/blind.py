"""Blinded variants: neutral names in an order that nobody knows, and the way back."""

import random

from slicer.i18n import tr as _

from . import layouts
from .alias import Alias
from .window_level import setWindowLevel


class Blinding:
    """Neutral nodes on the voxels of `volumes`, in a random order that `seed` makes reproducible.

    A volume's name shows in a view's corner, in the Data Probe and in selectors; so the views get hidden nodes named
    "Variant A", … which share the voxels. The same seed gives the same order.
    """

    def __init__(self, volumes, names, seed=None):
        self.seed = random.SystemRandom().randrange(2**31) if seed is None else seed
        order = list(range(len(volumes)))
        random.Random(self.seed).shuffle(order)
        self.volumes = [volumes[index] for index in order]  # in view order
        self.names = [names[index] for index in order]
        self.neutralNames = [_("Variant {letter}").format(letter=layouts.LETTERS[index]) for index in range(len(order))]
        self._aliases = [Alias(volume, name) for volume, name in zip(self.volumes, self.neutralNames, strict=True)]
        self.nodes = [alias.node for alias in self._aliases]

    def keepWindowLevel(self):
        """Gives the volumes the window and level that the user chose on the neutral nodes."""
        chosen = self.nodes[0].GetDisplayNode()
        for volume in self.volumes:
            setWindowLevel(volume.GetDisplayNode(), chosen.GetWindow(), chosen.GetLevel())

    def close(self):
        """Removes the neutral nodes."""
        for alias in self._aliases:
            alias.close()
        self._aliases, self.nodes = [], []
