"""A program that runs beside Slicer and speaks JSON, one object a line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import qt
import slicer

from .process_tree import ProcessTree

KEPT_LOG = 20_000  # bytes of what the program wrote besides its lines
LONGEST_LINE = 16_000_000  # bytes; whoever writes more without a line's end writes no JSON for us
MISSING = None  # the exit code of a program that could not be started


class WorkerProcess:
    """One start of a program. Its lines come as dicts through Qt's event loop: no thread, no polling.

    onLine(dict)       an object that the program wrote; anything else goes to the log
    onEnd(code, log)   once, when the program has ended: its exit code (minus the signal's number if it was killed,
                       MISSING if it could not be started), and the last of what it wrote besides its lines
    """

    def __init__(self, onLine: Callable[[dict], None], onEnd: Callable[[int | None, str], None], grace: float = 0.4):
        """grace  seconds between asking the program to end and ending it"""
        self._onLine, self._onEnd = onLine, onEnd
        self._rest, self._log = b"", b""
        self._tree, self._ending, self._ended = ProcessTree(), False, False
        self.isQuitting = False  # it was ended because the application ends
        self._process = qt.QProcess()
        self._slots = {
            "readyReadStandardOutput()": self._readLines,
            "readyReadStandardError()": self._readLog,
            "finished(int,QProcess::ExitStatus)": self._finished,
            "errorOccurred(QProcess::ProcessError)": self._errorOccurred,
        }
        for signal, slot in self._slots.items():
            self._process.connect(signal, slot)
        self._impatience = qt.QTimer()
        self._impatience.setSingleShot(True)
        self._impatience.setInterval(int(1000 * grace))
        self._impatience.connect("timeout()", self._tree.endNow)

    def start(self, program: str, arguments: list[str], environment: dict[str, str]) -> None:
        """`environment` is added to Slicer's own. Of a missing program `onEnd` may tell before this returns."""
        slicer.app.connect("aboutToQuit()", self.endBeforeQuitting)
        self._process.setProcessEnvironment(_environmentWith(environment))
        self._process.start(program, arguments)
        if not self._ended:
            self._tree.add(self._process.processId())

    @property
    def running(self) -> bool:
        return not self._ended

    def write(self, message: dict) -> None:
        """Send one line; nothing happens if the program has ended."""
        if not self._ended:
            self._process.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")

    def end(self) -> None:
        """End the program and all that it started; returns at once, `onEnd` follows."""
        if self._ended or self._ending:
            return
        self._ending = True
        self._impatience.start()
        self._tree.askToEnd()
        self._process.closeWriteChannel()  # a worker also ends by itself when nobody can speak to it any more

    def endBeforeQuitting(self) -> None:
        """The application ends, and with it the event loop: this waits for the grace, and a second at most after it."""
        if self._ended:
            return
        self.isQuitting = True
        if not self._ending:
            self.end()
        if self._process.waitForFinished(self._impatience.interval):  # emits finished()
            return
        self._tree.endNow()
        self._tree.waitForKillers(1000)
        self._process.kill()
        self._process.waitForFinished(1000)  # emits finished()

    def _readLines(self) -> None:
        *lines, rest = (self._rest + self._process.readAllStandardOutput().data()).split(b"\n")
        self._rest = rest if len(rest) <= LONGEST_LINE else b""
        for line in lines:
            self._readLine(line)

    def _readLine(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):  # a library that prints, for instance
            self._keep(line + b"\n")
            return
        if message.get("event") == "ready" and isinstance(message.get("pid"), int):
            self._tree.add(message["pid"])
        self._onLine(message)

    def _readLog(self) -> None:
        self._keep(self._process.readAllStandardError().data())

    def _keep(self, text: bytes) -> None:
        self._log = (self._log + text)[-KEPT_LOG:]

    def _errorOccurred(self, error) -> None:
        # A program that dies gives errorOccurred first and finished then; one that never started gives only this.
        if error == qt.QProcess.FailedToStart:
            self._end(MISSING)

    def _finished(self, code: int, status) -> None:
        self._readLines()
        self._readLog()
        self._tree.endNow()  # whatever it had started and left behind
        killed = status == qt.QProcess.CrashExit and os.name == "posix"
        self._end(-code if killed else code)

    def _end(self, code: int | None) -> None:
        if self._ended:
            return
        self._ended = True
        self._impatience.stop()
        slicer.app.disconnect("aboutToQuit()", self.endBeforeQuitting)
        qt.QTimer.singleShot(0, self._release)  # not here: this is called by a signal of the process itself
        self._onEnd(code, self._log.decode("utf-8", "replace").strip())

    def _release(self) -> None:
        """Connections keep both sides alive; without this no process would ever be forgotten."""
        for signal, slot in self._slots.items():
            self._process.disconnect(signal, slot)
        self._slots = {}


def _environmentWith(added: dict[str, str]):
    """Slicer's own environment, and what is added. Qt copies it: PythonQt cannot pass on values that are not UTF-8."""
    environment = qt.QProcessEnvironment.systemEnvironment()
    for name, value in added.items():
        environment.insert(name, value)
    return environment
