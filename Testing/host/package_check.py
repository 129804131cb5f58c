"""Configures and installs an extension with a stand-in for Slicer's build, and says which files it forgets.

python -m Testing.host.package_check [FOLDER_OF_THE_EXTENSION]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

STUB = Path(__file__).parent / "cmake_stub"
MODULES_FOLDER = "lib/Slicer-5.12/qt-scripted-modules"
NOT_PACKAGED = {"__pycache__", "Testing", ".pytest_cache"}


@dataclass
class Report:
    """Paths are relative to the module's folder, after "module: "; ``installed`` is relative to the installation."""

    missing: list[str] = field(default_factory=list)  # listed, but not on disk: real Slicer refuses to configure
    unlisted: list[str] = field(default_factory=list)  # on disk, but in no list: not in the package
    installed: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return not self.missing and not self.unlisted and bool(self.installed)


def check(extension: Path, work: Path, installed: Path | None = None) -> Report:
    """Configure, install below ``installed`` (default: in ``work``), compare. RuntimeError with CMake's words."""
    build, installed = work / "build", installed or work / "installed"
    cmake = shutil.which("cmake")
    if cmake is None:
        raise RuntimeError("CMake is not installed.")
    _run([cmake, "-S", extension, "-B", build, f"-DSlicer_DIR={STUB}"])
    _run([cmake, "--install", build, "--prefix", installed])
    report = Report(installed=sorted(str(f.relative_to(installed)) for f in installed.rglob("*") if f.is_file()))
    for line in (build / "modules.txt").read_text(encoding="utf-8").splitlines():
        name, folder = line.split("\t")
        listed = (build / f"listed-{name}.txt").read_text(encoding="utf-8").splitlines()
        files = {entry.split("\t")[1] for entry in listed}
        present = set(files_of(Path(folder)))
        report.missing += [f"{name}: {file}" for file in sorted(files) if not (Path(folder) / file).is_file()]
        report.unlisted += [f"{name}: {file}" for file in sorted(present - files)]
    return report


def files_of(module: Path) -> list[str]:
    """What a package of this module should hold: all files but CMake's, tests, caches and hidden ones."""
    found = []
    for file in module.rglob("*"):
        parts = file.relative_to(module).parts
        skipped = any(part in NOT_PACKAGED or part.startswith(".") or part.endswith(".egg-info") for part in parts)
        if file.is_file() and not skipped and file.name != "CMakeLists.txt" and file.suffix != ".pyc":
            found.append("/".join(parts))
    return found


def _run(command) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{done.stdout}\n{done.stderr}".strip())


def main() -> int:
    extension = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    with tempfile.TemporaryDirectory() as work:
        try:
            report = check(extension, Path(work))
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 2
    for sentence, files in (("listed, but not there", report.missing), ("there, but in no list", report.unlisted)):
        for file in files:
            print(f"{sentence}: {file}")
    print(f"{len(report.installed)} files are packaged.")
    return 0 if report.complete else 1


if __name__ == "__main__":
    sys.exit(main())
