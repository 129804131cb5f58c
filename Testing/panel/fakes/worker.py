"""A worker that speaks the protocol and computes nothing: "denoise" adds 10. The model's name says how it behaves.

add10       answers at once                      slow       a slice every 50 ms
forever     never answers                        deaf       never answers, and does not end when asked
crash       ends with exit code 3                killed     ends as by the system's memory guard
error       answers with an error                notice     says something, then answers
stray       prints other things between          wrong      answers with another shape
children    starts a process of its own, then never answers

Arguments: "mute" ends before it is ready. The folder of a request gets one file a request, "asked-<number>.json".
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def main():
    if "mute" in sys.argv:
        print("the library is broken", file=sys.stderr)
        sys.exit(7)
    if hasattr(os, "setsid"):
        os.setsid()
    say({"event": "ready", "version": "fake", "pid": os.getpid()})
    for line in sys.stdin:
        request = json.loads(line)
        actions = {
            "denoise": denoise, "simulate": denoise, "state": state, "measure": measure, "crash": crash,
            "perceive": perceive, "warm": warm,
        }  # fmt: skip
        actions[request["do"]](request)


def say(event):
    print(json.dumps(event, ensure_ascii=False), flush=True)


def state(request):
    say({"event": "result", "id": request["id"], "models": [{"id": "add10"}], "pid": os.getpid()})


def warm(request):
    """The model's name says how, as for "denoise"; "hurried" gives way to another request."""
    if request["model"] == "slow":
        time.sleep(0.2)
    if not behave(request["model"], request["id"], Path("/")):
        say({"event": "result", "id": request["id"], "warm": request["model"] != "hurried"})


def measure(request):
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from measured_document import document

    for role in ("before", "after"):
        assert Path(request[role]).is_file()
    made = document(withReference=request["reference"] is not None)
    made["asked"] = {name: request[name] for name in ("names", "record")}
    if request.get("report"):
        Path(request["report"]).write_text("<html></html>", encoding="utf-8")
    say({"event": "result", "id": request["id"], "document": made})


def perceive(request):
    number = request["id"]
    if behave(request["model"], number, Path(request["input"]).parent):
        return
    hu = np.load(request["input"], mmap_mode="r")
    asked = {name: request[name] for name in ("numbers", "total_slices", "spacing", "device", "model")}
    say({"event": "result", "id": number, "shape": list(hu.shape), "values": hu[:, 0, 0].tolist(), "asked": asked})


def crash(request):
    os._exit(3)


def denoise(request):
    number, how = request["id"], request.get("model", "add10")
    folder = Path(request["input"]).parent
    (folder / f"asked-{number}.json").write_text(json.dumps(request), encoding="utf-8")
    if behave(how, number, folder):
        return
    hu = np.load(request["input"], mmap_mode="r")
    for done in range(len(hu)):
        say({"event": "progress", "id": number, "done": done + 1, "total": len(hu), "stage": "denoise", "eta_s": 0.5})
        if how == "slow":
            time.sleep(0.05)
    result = hu + np.asarray(10, hu.dtype)
    np.save(request["output"], result[:-1] if how == "wrong" else result)
    record = {"model": how, "seed": request.get("seed", 0), "device": "cpu", "version": "fake", "strength": 1.0,
              "seconds": 0.5, "checksum": None}  # fmt: skip
    say({"event": "result", "id": number, "record": record, "output": request["output"]})


def behave(how, number, folder):
    """Whatever is special about this model; True if that was the answer."""
    if how == "stray":
        print("a library says hello\n[1, 2]\n{broken", flush=True)
    elif how == "notice":
        say({"event": "notice", "id": number, "text": "Less memory is used now."})
    elif how == "error":
        say({"event": "error", "id": number, "text": "The weights are not here: import them."})
        return True
    elif how == "crash":
        print("first line\nwhat went wrong", file=sys.stderr, flush=True)
        os._exit(3)
    elif how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how in ("forever", "deaf", "children"):
        if how == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if how == "children":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
            (folder.parent / "grandchild.pid").write_text(str(child.pid))
        say({"event": "progress", "id": number, "done": 0, "total": 10, "stage": "denoise", "eta_s": None})
        time.sleep(1000)
    return False


if __name__ == "__main__":
    main()
