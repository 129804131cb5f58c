"""python killed_at_each_step.py OUTPUT WHAT PLACE: writes an output again and again, killed (-9) one step later each
time.

OUTPUT  file | pair (a header and its voxels) | folder | folder-without-exchange
WHAT    new (there is none yet) | again (a former one is replaced)
A step is whatever the system does to files: opening, making, renaming, removing, locking. After each death prints a
JSON line: step, killed, what a reader sees at once and after the next sweep, and whatever else lies in the folder.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from LDCTDenoiseLib import swap
from LDCTDenoiseLib.atomic import atomic_folder, atomic_output
from LDCTDenoiseLib.workplace import sweep

STEPS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree", "fcntl.flock"}
PARTS = {"file": ["x.csv"], "pair": ["x.mhd", "x.raw"], "folder": ["1.dcm", "2.dcm"]}


def write(output: str, place: Path, content: str) -> None:
    if output == "folder":
        with atomic_folder(place / "x", overwrite=True) as folder:
            for name in PARTS[output]:
                (folder / name).write_text(content)
    else:
        with atomic_output(place / PARTS[output][0], overwrite=True) as file:
            for name in PARTS[output]:
                (file.parent / name).write_text(content)


def seen(output: str, place: Path) -> str:
    """`absent`, `former` or `later` as a reader sees it; anything else is half an output."""
    home = place / "x" if output == "folder" else place
    if not (home if output == "folder" else home / PARTS[output][0]).exists():
        return "absent"
    content = {(home / name).read_text() if (home / name).exists() else "missing" for name in PARTS[output]}
    return content.pop() if len(content) == 1 else "a mixture"


def others(output: str, place: Path) -> list[str]:
    ours = ["x"] if output == "folder" else PARTS[output]
    whole = seen(output, place) in ("former", "later")
    return sorted(path.name for path in place.iterdir() if not (whole and path.name in ours))


def die_at(step: int) -> None:
    count = 0

    def hook(event: str, _arguments: tuple) -> None:
        nonlocal count
        if event in STEPS:
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main(output: str, what: str, place: Path) -> None:
    os.fsync = lambda handle: None  # a kill loses nothing that the system was given; it is slow
    if output.endswith("-without-exchange"):
        output = output.removesuffix("-without-exchange")
        swap._exchange = lambda one, other: False
    killed, step = True, 0
    while killed:
        step += 1
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        if what == "again":
            write(output, place, "former")
        child = os.fork()
        if child == 0:
            die_at(step)
            write(output, place, "later")
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        at_once = seen(output, place)
        sweep(place)
        line = {"step": step, "killed": killed, "at once": at_once, "later": seen(output, place)}
        print(json.dumps({**line, "others": others(output, place)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
