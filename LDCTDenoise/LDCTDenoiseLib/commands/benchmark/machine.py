"""The machine as far as it matters for speed, and how busy it is. No name of a computer or a person."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path


def processor() -> str:
    """The processor's own name, or at least its kind."""
    try:
        if sys.platform.startswith("linux"):
            found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(errors="replace"))
            if found:
                return found[1].strip()
        if sys.platform == "darwin":
            asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        pass
    return platform.processor() or platform.machine()


def about(device: str) -> dict:
    """What torch sees in the process of a plain command. InputError for a device that is not here.

    device of the first choice, its name; threads, versions. Without torch: the processor alone.
    """
    import numpy

    known = {"device": "cpu", "name": processor(), "threads": 1, "torch": None, "numpy": numpy.__version__}
    try:
        import torch
    except ImportError:
        return known
    from ...inference.devices import check_device, devices_to_try
    from ...inference.threads import fit

    fit()
    check_device(device)
    first = devices_to_try(device)[0]
    known |= {"device": first, "threads": torch.get_num_threads(), "torch": torch.__version__}
    if first.startswith("cuda"):
        known |= {"name": torch.cuda.get_device_name(first), "cuda": torch.version.cuda}
    return known


def usable_cores() -> int:
    """Those that this process may compute on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def sentence(known: dict) -> str:
    """One line for people, from what `about` found in another process."""
    cores, threads = usable_cores(), known["threads"]
    gpu = f"{known['name']} (CUDA {known['cuda']}); " if "cuda" in known else ""
    torch = f"torch {known['torch']}" if known["torch"] else "without torch"
    versions = f"Python {platform.python_version()}, {torch}, numpy {known['numpy']}"
    return (
        f"{gpu}{processor()}, {cores} processor core{'s' * (cores != 1)}, {threads} thread{'s' * (threads != 1)}; "
        f"{platform.system()} {platform.machine()}; {versions}"
    )


def load() -> str:
    """Processes that want a core, the mean of the last minute."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def peak_megabytes() -> float:
    """Largest resident memory of this process so far; NaN where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
