"""The worker's place behind other programs: whoever works in Slicer must not wait for what is computed beside it."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

NICENESS = 10  # of −20…19: beside a program that wants a core too the worker gets about a tenth of it; alone, all
_AUTOGROUP = Path("/proc/self/autogroup")
_BELOW_NORMAL = 0x4000  # BELOW_NORMAL_PRIORITY_CLASS of Windows' processthreadsapi.h


def step_back() -> None:
    """Lower this process for good. To be called before other threads are started, for on Linux each has its own place.

    Where Linux groups processes by session (autogroup), niceness counts only within the session, so the session that
    the worker leads is lowered as well. What the system does not allow is left as it is: nothing depends on it.
    """
    if sys.platform == "win32":
        _windows_step_back()
        return
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    if _AUTOGROUP.exists() and os.getsid(0) == os.getpid():  # never the session of somebody else
        with contextlib.suppress(OSError):  # also where another program was lowered a moment ago
            _AUTOGROUP.write_text(str(NICENESS))


def _windows_step_back() -> None:
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        kernel = ctypes.windll.kernel32
        kernel.GetCurrentProcess.restype = ctypes.c_void_p
        kernel.SetPriorityClass.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _BELOW_NORMAL)
