"""python -m LDCTDenoisePanel.folder_worker: finds the CT volumes below a folder and denoises file to file.

It speaks the worker's protocol and never imports slicer. Requests:
{"id": 1, "do": "scan", "folder": IN, "without": OUT}  → {"event": "result", "items": [{"input": FILE, "name": "a/b"}]}
{"id": 2, "do": "denoise", "input": FILE, "output": FILE, "overwrite": bool, "model": …, "seed", "draws", "device",
 "precision", "strength"}  → {"event": "result", "record": …}
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path


def main() -> None:
    from LDCTDenoiseLib.inference.progress import JsonLines
    from LDCTDenoiseLib.worker.kept import Kept
    from LDCTDenoiseLib.worker.protocol import Request, take_pipes

    with contextlib.suppress(AttributeError, PermissionError):  # not on Windows; leader of a group already
        os.setsid()
    signal.signal(signal.SIGTERM, _stop)
    requests, events = take_pipes()
    lines, kept = _heard(requests), Kept()
    JsonLines(events).event("ready", {"pid": os.getpid()})
    try:
        for line in lines:
            request = Request.from_line(line)
            _answer(request, JsonLines(events, {"id": request.id}), kept)
    except KeyboardInterrupt:  # half-written files are gone by now
        pass
    os._exit(0)


def _answer(request, talk, kept) -> None:
    from LDCTDenoiseLib.errors import InputError

    try:
        do = {"scan": _scan, "denoise": _denoise}[request.text("do")]
        talk.result(do(request, talk, kept))
    except InputError as error:
        talk.error(str(error))
    except Exception as error:
        from LDCTDenoiseLib.inference.ladder import is_out_of_memory

        traceback.print_exc()
        kept.forget()
        if is_out_of_memory(error):
            talk.error("There is too little memory for this: close other programs, or take smaller volumes.")
        else:
            talk.error(f"Something unexpected happened ({type(error).__name__}: {' '.join(str(error).split())[:200]}).")


def _scan(request, talk, kept) -> dict:
    from LDCTDenoiseLib.errors import InputError

    folder, without = request.path("folder").resolve(), request.path("without").resolve()
    if not folder.is_dir():
        raise InputError(f"The folder {folder} does not exist; choose another.")
    items, names = [], set()
    for path, stem in _volumes_below(folder, without, talk):
        relative = (path.parent.relative_to(folder) / stem).as_posix()
        name, number = relative, 2
        while name in names:
            name, number = f"{relative}-{number}", number + 1
        names.add(name)
        items.append({"input": str(path), "name": name})
    return {"items": items}


def _volumes_below(folder: Path, without: Path, talk) -> Iterator[tuple[Path, str]]:
    """Every CT series (one of its files) and volume file below `folder`, with a name for the output."""
    from LDCTDenoiseLib.errors import InputError
    from LDCTDenoiseLib.files.dicom_header import read_header
    from LDCTDenoiseLib.files.dicom_series import series_in_folder
    from LDCTDenoiseLib.files.endings import ending_of

    found = 0
    for place, folders, _files in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and here / name != without)
        for file in sorted(file for file in here.iterdir() if file.is_file() and not file.name.startswith(".")):
            if ending := ending_of(file):
                yield file, file.name[: -len(ending)]
                found += 1
        with contextlib.suppress(OSError, InputError):
            for files in series_in_folder(here).values():
                header = read_header(files[0])
                if header is not None and header.modality == "CT" and not header.is_localizer:
                    yield files[0], f"series-{header.number}" if header.number else "series"
                    found += 1
        talk.progress(found, 0, "find")


def _denoise(request, talk, kept) -> dict:
    from LDCTDenoiseLib.atomic import check_output
    from LDCTDenoiseLib.files import read_volume, write_volume
    from LDCTDenoiseLib.inference.engine import Settings
    from LDCTDenoiseLib.weights.store import find_card

    output, overwrite = request.path("output"), bool(request.whole("overwrite", 0))
    check_output(output, overwrite)
    card = find_card(request.text("model"))
    volume = read_volume(request.path("input"), progress=talk.progress)
    for text in volume.source.notices:
        talk.notice(text)
    settings = Settings(
        seed=request.whole("seed", 0),
        strength=request.number("strength"),
        draws=request.whole("draws", 1),
        device=request.choice("device", "auto"),
        precision=request.choice("precision", "auto"),
    )
    result = kept.model(card).denoise(volume, settings, progress=talk.progress, notice=talk.notice)
    write_volume(result.volume, output, overwrite=overwrite)
    return {"record": result.record}


def _heard(requests) -> Iterator[str]:
    """Lines as they come. When there can be no more the panel is gone, and the process ends, whatever it does."""
    import queue

    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in requests:
                waiting.put(line)
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)  # as if asked to end: files are tidied
        else:
            os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    return iter(waiting.get, None)


def _stop(*_) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
