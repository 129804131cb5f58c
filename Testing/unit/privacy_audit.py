"""Commands under watch: what they say, write, name and connect to, also in the processes that they start."""

from __future__ import annotations

import base64
import gzip
import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dicom_factory as factory
import LDCTDenoiseLib
import numpy as np

# Whatever may tell who somebody is, in words that occur nowhere else.
PERSON = {
    "PatientName": "Mustermann^Erika",
    "PatientID": "ZZPID-90417",
    "OtherPatientIDs": "OPID-33812",
    "PatientBirthName": "Geborene^Erika",
    "PatientBirthDate": "19420731",
    "PatientAddress": "Lindenallee 77",
    "PatientComments": "wohnt in Heimgarten",
    "AccessionNumber": "ACC55871x",
    "StudyID": "STUD4455",
    "StudyDescription": "Thorax Mustermann Erika",
    "SeriesDescription": "Lunge Mustermann Erika",
    "ProtocolName": "ThoraxMustermann",
    "ImageComments": "Frau Mustermann",
    "ReferringPhysicianName": "Doktorova^Xenia",
    "PerformingPhysicianName": "Doktorova^Xenia",
    "OperatorsName": "Operatius^Max",
    "InstitutionName": "Klinikum Waldhausen",
    "InstitutionAddress": "Waldweg 9",
    "StationName": "STATN55",
    "DeviceSerialNumber": "SERI90999",
}
WORDS = (
    "Mustermann", "Erika", "90417", "33812", "Geborene", "19420731", "Lindenallee", "Heimgarten", "55871", "STUD4455",
    "Doktorova", "Xenia", "Operatius", "Waldhausen", "Waldweg", "STATN55", "SERI90999",
)  # fmt: skip
_WATCH = """
import os, sys
_file = os.path.join(os.environ["LDCT_TEST_AUDIT"], f"{os.getpid()}.txt")
_log = os.open(_file, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
_EVENTS = {"open": 2, "os.mkdir": 1, "os.rename": 2, "subprocess.Popen": 2, "socket.connect": 2, "socket.bind": 2,
           "socket.getaddrinfo": 1, "socket.sendto": 2, "socket.gethostbyname": 1, "urllib.Request": 1}
def _hook(event, arguments):
    if event in _EVENTS:
        said = [str(part) for part in arguments[:_EVENTS[event]] if type(part).__name__ not in ("socket", "SSLSocket")]
        os.write(_log, ("\\t".join([event, *said]).replace("\\n", " ") + "\\n").encode("utf-8", "replace"))
sys.addaudithook(_hook)
"""
_RUN = """
import json, sys
from LDCTDenoiseLib.cli import main
if __name__ == "__main__":
    for arguments in json.loads(sys.argv[1]):
        status = main(arguments)
        print(f"status {status} of {arguments[0]}", flush=True)
"""


@dataclass(frozen=True)
class Watched:
    """said: standard output and error; events: (kind, arguments…) of every process; place: where the work was done."""

    said: str
    events: list[tuple[str, ...]]
    place: Path

    def connections(self) -> set[str]:
        """Hosts that were called, asked for or waited for; local sockets without a host are none."""
        asked = {event[1] for event in self.events if event[0] in ("socket.getaddrinfo", "socket.gethostbyname")}
        called = {event[1] for event in self.events if event[0] in ("socket.connect", "socket.bind", "socket.sendto")}
        hosts = {match[1] for text in called if (match := re.match(r"\('([^']*)'", text))}
        return asked | hosts | {event[1] for event in self.events if event[0] == "urllib.Request"}

    def temporary_names(self) -> set[str]:
        """Names of all files and folders that were made and are no longer there, without the folder of the work."""
        made = {event[-1] for event in self.events if event[0] in ("os.mkdir", "os.rename")}
        made |= {event[1] for event in self.events if event[0] == "open" and event[2] not in ("r", "rb", "None")}
        return {name.replace(str(self.place), "") for name in made if not (self.place / name).exists()}


def watched(commands: list[list[str]], place: Path) -> Watched:
    """Runs the commands one after another, in a process of their own and in the folder `place`."""
    import json

    audit = place.parent / f"{place.name}-audit"
    for folder in (place, audit):
        folder.mkdir(parents=True, exist_ok=True)
    (audit / "sitecustomize.py").write_text(_WATCH, encoding="utf-8")
    script = audit / "run_commands.py"
    script.write_text(_RUN, encoding="utf-8")
    library = Path(LDCTDenoiseLib.__file__).resolve().parents[1]
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join([str(audit), str(library)]), "LDCT_TEST_AUDIT": str(audit),
        "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(commands)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        encoding="utf-8", cwd=place, env=environment, timeout=120,
    )  # fmt: skip
    lines = [line for file in audit.glob("*.txt") for line in file.read_text(encoding="utf-8").splitlines()]
    return Watched(done.stdout + done.stderr, [tuple(line.split("\t")) for line in lines], place)


def a_patient(folder: Path, slices: int = 3, seed: int = 0, size: int = 64, **tags: object) -> Path:
    """A DICOM series of a body with noise, in `folder`, with all that is in PERSON."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size - 0.5
    body = np.where((x / 0.42) ** 2 + (y / 0.36) ** 2 < 1, 40.0, -1000.0)
    pixels = (body + rng.normal(0, 20, (slices, size, size)) + 1024).clip(0, 4095).astype(np.uint16)
    return factory.save(factory.ct_series(pixels, **{**PERSON, **tags}), folder)


def told(content: str | bytes) -> list[str]:
    """What of the person is in it, in small or capital letters, also in base 64 and as other programs write text."""
    data = content.encode() if isinstance(content, str) else content
    data = data + b"".join(base64.b64decode(part[1]) for part in re.finditer(rb"base64,([A-Za-z0-9+/]+=*)", data))
    lower = data.lower()
    return [word for word in WORDS for code in ("utf-8", "utf-16-le") if word.lower().encode(code) in lower]


def told_by_file(path: Path) -> list[str]:
    """As `told`; the header of compressed volumes and the texts within pictures are looked into."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content += gzip.decompress(content)
    if path.suffix == ".png":
        from PIL import Image

        content += repr(Image.open(io.BytesIO(content)).info).encode()
    return told(content)
