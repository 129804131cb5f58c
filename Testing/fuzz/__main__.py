"""Runs the cases in child processes and tells what broke; see the package."""

from __future__ import annotations

import argparse
import collections
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import Empty, Queue

from .cases import make_case
from .samples import KINDS

PATIENCE = 20.0  # s for one case
BOUND = 300 << 20  # bytes that reading may take beside four times its answer


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m Testing.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None, help="by default another one each time; it is printed")
    parser.add_argument("--case", type=int, default=None, help="only this one")
    parser.add_argument("--kinds", default=",".join(KINDS), help="comma-separated, by default all")
    parser.add_argument("--keep", type=Path, default=None, help="folder for the files of cases that broke something")
    wish = parser.parse_args()
    seed = secrets.randbelow(1 << 31) if wish.seed is None else wish.seed
    first, last = (0, wish.cases) if wish.case is None else (wish.case, wish.case + 1)
    print(f"seed {seed}, cases {first} to {last - 1}", flush=True)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        watch = Watch(seed, Path(folder), wish.kinds, wish.keep, keep_all=wish.case is not None)
        watch.run(first, last)
    watch.report(time.monotonic() - begin)
    return 1 if watch.faults else 0


class Watch:
    """Starts a child, listens to it, and starts another where one died or hung."""

    def __init__(self, seed: int, folder: Path, kinds: str, keep: Path | None, keep_all: bool = False):
        self.seed, self.folder, self.kinds, self.keep, self.keep_all = seed, folder, kinds, keep, keep_all
        self.answers: collections.Counter = collections.Counter()
        self.faults: list[str] = []
        self.largest, self.longest = (0, -1), (0.0, -1)

    def run(self, first: int, last: int) -> None:
        while first < last:
            first = self._child(first, last)

    def _child(self, first: int, last: int) -> int:
        """Returns the first case that is still to be done."""
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                self._command(first, last),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8",
            )  # fmt: skip
            lines: Queue = Queue()
            threading.Thread(target=_listen, args=(child.stdout, lines), daemon=True).start()
            number, kind, begun = first, "?", False
            while True:
                try:
                    line = lines.get(timeout=PATIENCE if begun else 120)
                except Empty:
                    child.kill()
                    child.wait()
                    self._fault(number, kind, f"no answer within {PATIENCE:.0f} s")
                    return number + 1
                if line is None:
                    break
                facts = json.loads(line)
                if "begin" in facts:
                    number, kind, begun = facts["begin"], facts["kind"], True
                else:
                    self._answer(facts, kind)
                    number, begun = number + 1, False
            child.wait()
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace")
        if number >= last:
            return last
        if not begun and number == first:
            sys.exit(f"the child did not begin: {said[-2000:]}")
        self._fault(number, kind, f"the process died ({child.returncode}): {said[-3000:]}")
        return number + 1

    def _command(self, first: int, last: int) -> list[str]:
        numbers = map(str, (self.seed, first, last))
        child = [sys.executable, "-X", "faulthandler", "-m", "Testing.fuzz.child"]
        return [*child, *numbers, str(self.folder), self.kinds]

    def _answer(self, facts: dict, kind: str) -> None:
        number = facts["end"]
        self.answers[kind, facts["answer"]] += 1
        self.longest = max(self.longest, (facts["seconds"], number))
        beyond = facts["growth"] - 4 * facts["bytes"]
        self.largest = max(self.largest, (beyond, number))
        if facts["fault"]:
            self._fault(number, kind, facts["fault"])
        elif beyond > BOUND:
            took, given = facts["growth"] >> 20, facts["bytes"] >> 20
            self._fault(number, kind, f"{took} MB of memory for {given} MB ({facts['answer']})")
        elif self.keep_all:
            self._save(number)

    def _fault(self, number: int, kind: str, why: str) -> None:
        self.faults.append(f"case {number} ({kind}): {why}")
        print(f"case {number} ({kind}): {why.strip().splitlines()[-1]}", flush=True)
        self._save(number, why)

    def _save(self, number: int, why: str = "") -> None:
        if self.keep is None:
            return
        place = self.keep / f"seed-{self.seed}-case-{number}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        make_case(self.seed, number, place, tuple(self.kinds.split(",")))
        (place / "why.txt").write_text(why, encoding="utf-8")

    def report(self, seconds: float) -> None:
        print(f"{'kind':22} {'read':>7} {'refused':>8} {'failed':>7}")
        for kind in self.kinds.split(","):
            counts = [self.answers[kind, answer] for answer in ("read", "refused", "failed")]
            print(f"{kind:22} {counts[0]:7} {counts[1]:8} {counts[2]:7}")
        print(
            f"{sum(self.answers.values())} cases in {seconds:.0f} s, {len(self.faults)} faults; the longest took "
            f"{self.longest[0]:.1f} s (case {self.longest[1]}); memory beyond four times the answer: at most "
            f"{self.largest[0] / 2**20:.0f} MB (case {self.largest[1]}), allowed {BOUND >> 20} MB"
        )


def _listen(stream, lines: Queue) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


if __name__ == "__main__":
    sys.exit(main())
