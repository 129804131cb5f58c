"""Files below a folder that belong to no series of images, counted together where they are of one kind."""

from __future__ import annotations

from collections.abc import Iterable

from .found import Left
from .geometry_groups import Image
from .names import shown
from .one_series import by_reason


def leftovers(files: Iterable[Image], passed_by: Iterable[tuple[str, str]]) -> list[Left]:
    """A line for files of other kinds, one for each kind of DICOM object without images, and the rest by folder.

    passed_by  (name, sentence) of what was not looked into when the tree was walked.
    """
    groups: dict[tuple[str, str], list[Image]] = {}
    for file in files:
        kind = file.seen.kind
        home = {"other": "", "no image": file.seen.modality}.get(kind, file.folder or ".")
        groups.setdefault((kind, home), []).append(file)
    lines: list[Left] = []
    for (kind, home), group in sorted(groups.items(), key=lambda item: item[0]):
        secrets = tuple(sorted({secret for file in group for secret in file.seen.secrets}))
        if kind == "other":
            lines.append(Left("other files", len(group), "They are neither DICOM nor volume files."))
        elif kind == "no image":
            name = "index of a medium" if home == "DICOMDIR" else f"{home} objects" if home else "DICOM objects"
            lines.append(Left(name, len(group), "They hold no images.", secrets))
        else:
            lines += [Left(shown(home), len(alike), shown(alike[0].seen.why)) for alike in by_reason(group)]
    lines += [Left(shown(name), 0, why) for name, why in sorted(passed_by)]
    return lines
