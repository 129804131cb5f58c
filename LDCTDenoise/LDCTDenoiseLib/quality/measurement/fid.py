"""FID of every image against the normal dose, with weights that the user brought."""

from __future__ import annotations

from ..likeness.fid import Features, fid, sample_size_warning
from .document import Findings
from .subject import REFERENCE, Subject


def measure_fid(subject: Subject, found: Findings, features: Features, progress=None) -> None:
    """features as `quality.fid.inception_features` gives them. Raises InputError for a single slice."""
    images = [name for name in subject.stacks if name != REFERENCE]
    for number, name in enumerate(images):
        if progress is not None:
            progress(number, len(images), "fid")
        found.figure(name, "fid", fid(subject.stacks[name], subject.reference, features))
    if warning := sample_size_warning(len(subject.input)):
        found.notices.append(warning)
