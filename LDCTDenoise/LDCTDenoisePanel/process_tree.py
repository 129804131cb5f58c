"""Ending a process with everything that it started, on every system, without waiting for it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

import qt

ON_WINDOWS = sys.platform == "win32"


class ProcessTree:
    """The processes of one start: the one that was started, and the one that leads the worker's session.

    They differ where a launcher stands between (PythonSlicer starts the real Python), and then both must end.
    """

    def __init__(self) -> None:
        self._pids: list[int] = []
        self._killers: list[qt.QProcess] = []

    def add(self, pid: int) -> None:
        """`pid` belongs to the tree."""
        if pid > 1 and pid not in self._pids:
            self._pids.append(pid)

    def askToEnd(self) -> None:
        """Ask all to end; on Windows, where nobody can be asked, end them."""
        if ON_WINDOWS:
            self._taskkill()
        else:
            self._signal(signal.SIGTERM)

    def endNow(self) -> None:
        """End all that are left. Nothing happens if nobody is."""
        if not ON_WINDOWS:  # there everything ended at `askToEnd`, and the numbers may be another's by now
            self._signal(signal.SIGKILL)

    def waitForKillers(self, milliseconds: int) -> None:
        """Only when the application ends: let Windows finish what `askToEnd` began."""
        for killer in self._killers:
            killer.waitForFinished(milliseconds)

    def _signal(self, number: int) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if _leadsGroup(pid):
                    os.killpg(pid, number)
                else:
                    os.kill(pid, number)

    def _taskkill(self) -> None:
        for pid in self._pids:
            killer = qt.QProcess()
            killer.start("taskkill", ["/F", "/T", "/PID", str(pid)])
            self._killers.append(killer)  # a QProcess without a reference ends what it runs


def _leadsGroup(pid: int) -> bool:
    """Whether a process group has this number, also after its leader died. Slicer's own group never counts.

    Raises ProcessLookupError if there is neither such a process nor such a group.
    """
    if pid == os.getpgrp():
        return False
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        os.killpg(pid, 0)
        return True
