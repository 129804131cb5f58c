"""Works through cases and tells the parent, a JSON line before and after each: `python -m Testing.fuzz.child …`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

_ROOM = 4 << 30  # bytes of address space beyond what the imports took: where a blow-up ends


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("seed", "first", "last"):
        parser.add_argument(name, type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("kinds")
    wish = parser.parse_args()
    tell = _voice()
    from .cases import make_case
    from .judge import judge
    from .samples import sample

    kinds = tuple(wish.kinds.split(","))
    for kind in kinds:
        sample(kind)
    _set_up(wish.folder, kinds)
    _limit()
    for number in range(wish.first, wish.last):
        folder = wish.folder / "case"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        tell({"begin": number, "kind": kinds[number % len(kinds)]})
        case = make_case(wish.seed, number, folder, kinds)
        before, begin = _start_peak(), time.perf_counter()
        verdict = judge(case)
        facts = {"answer": verdict.answer, "fault": verdict.fault, "bytes": verdict.bytes}
        seconds, growth = time.perf_counter() - begin, max(0, _peak() - before)
        tell({"end": number, "seconds": seconds, "growth": growth, **facts})


def _voice():
    """Writes to the parent, whatever a reader does to standard output."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(facts: dict) -> None:
        print(json.dumps(facts), file=out, flush=True)

    return tell


def _set_up(folder: Path, kinds: tuple[str, ...]) -> None:
    """A home of its own; and everything imported once, so that it counts for no case."""
    (folder / "temporary").mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder / "temporary")
    os.environ["LDCT_DENOISE_HOME"] = str(folder / "home")
    from .cases import Case
    from .judge import judge
    from .samples import sample

    if any(kind.startswith("checkpoint") for kind in kinds):
        from LDCTDenoiseLib.weights import store
        from weights_factory import a_shipped_folder

        shutil.rmtree(folder / "shipped", ignore_errors=True)
        store.SHIPPED = a_shipped_folder(folder / "shipped")
    for kind in kinds:
        place = folder / "sound"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for name, content in sample(kind).items():
            (place / name).write_bytes(content)
        path = place if kind.startswith("dicom") else place / next(iter(sample(kind)))
        verdict = judge(Case(kind, path))
        if verdict.answer != "read" or verdict.fault:
            sys.exit(f"the sound sample of {kind} is not read: {verdict}")


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    now = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") if _has_proc() else _ROOM
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (now + _ROOM, now + _ROOM))


def _start_peak() -> int:
    """Forgets the former peak of resident memory; what is resident now, in bytes."""
    if not _has_proc():
        return _peak()
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    if _has_proc():
        return _status("VmHWM")
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status(name: str) -> int:
    text = Path("/proc/self/status").read_text()
    return int(text.split(f"{name}:")[1].split()[0]) * 1024


def _has_proc() -> bool:
    return sys.platform == "linux"


if __name__ == "__main__":
    main()
