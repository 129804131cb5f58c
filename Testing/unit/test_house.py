"""The rules of the house: arrows point down, no Slicer in the library, nothing heavy at start."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

LIB = Path(__file__).resolve().parents[2] / "LDCTDenoise" / "LDCTDenoiseLib"
FILES = sorted(LIB.rglob("*.py"))

# room → rooms of the library it may import; a plain module is a room of its own
MAY_IMPORT = {
    "errors": set(),
    "version": set(),
    "locks": set(),
    "owner": {"locks"},
    "swap": set(),
    "workplace": {"errors", "locks", "owner", "swap"},
    "atomic": {"errors", "workplace", "swap"},
    "orientation": set(),
    "volume": {"orientation"},
    "networks": set(),
    "files": {"errors", "version", "workplace", "atomic", "volume", "orientation"},
    "quality": {"errors", "version", "atomic", "volume"},
    "simulation": {"errors", "volume", "quality"},
    "weights": {"errors", "atomic", "networks"},
    "methods": {"errors", "networks", "weights", "quality"},
    "inference": {"errors", "version", "volume", "methods", "weights"},
    "batch": {
        "errors", "version", "workplace", "atomic", "volume", "files", "quality", "methods", "weights", "inference",
    },
    "training": {
        "errors", "atomic", "version", "volume", "files", "quality", "simulation", "methods", "networks", "weights",
    },
    "commands": {
        "errors", "workplace", "atomic", "volume", "files", "quality", "simulation", "methods", "networks", "weights",
        "inference", "training", "batch",
    },
    "worker": {
        "errors", "version", "workplace", "atomic", "volume", "orientation", "files", "quality", "simulation",
        "methods", "weights", "inference",
    },
    "cli": {"errors", "version", "inference", "commands"},
    "__init__": {"errors", "volume", "files", "inference", "weights"},
    "__main__": {"cli"},
}  # fmt: skip


def room_of(path: Path) -> str:
    first = path.relative_to(LIB).parts[0]
    return first.removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """Rooms of the library that a file imports, at its top or inside functions."""
    depth = len(path.relative_to(LIB).parts)  # 1 for a file at the root of the library
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            rooms |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("LDCTDenoiseLib."):
            rooms.add(node.module.split(".")[1])
        assert not (isinstance(node, ast.ImportFrom) and node.level > depth), f"{path} leaves the library"
    return rooms


def foreign_imports(path: Path) -> set[str]:
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = [alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names]
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names += [node.module for node in tree if isinstance(node, ast.ImportFrom) and node.level == 0]
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(LIB)))
def test_a_file_imports_only_from_rooms_below_its_own(path):
    own = room_of(path)
    above = imported_rooms(path) - {own} - MAY_IMPORT[own]
    assert not above, f"{path.relative_to(LIB)} must not import {above}"


def test_the_allowed_arrows_form_no_circle():
    levels, left = [], dict(MAY_IMPORT)
    while left:
        free = {room for room, below in left.items() if not below & set(left)}
        assert free, f"a circle among {sorted(left)}"
        levels.append(free)
        left = {room: below for room, below in left.items() if room not in free}


def test_the_library_knows_nothing_of_slicer():
    for path in FILES:
        assert not foreign_imports(path) & {"slicer", "qt", "ctk", "vtk"}, path


def test_pickles_are_never_trusted():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("torch.load"):
                assert any(k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in node.keywords), path
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load"):
                assert any(k.arg == "allow_pickle" and ast.unparse(k.value) == "False" for k in node.keywords), path


def test_files_hold_one_thought():
    for path in FILES:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, f"{path} is longer than 300 lines"


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=LIB.parent)
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}


HEAVY = {"torch", "SimpleITK", "pydicom", "skimage", "scipy", "matplotlib"}


def test_importing_the_library_loads_nothing_heavy():
    assert not loaded_by("import LDCTDenoiseLib") & (HEAVY | {"numpy"})


def test_denoising_and_reading_are_there_without_what_only_some_runs_need():
    loaded = loaded_by("import LDCTDenoiseLib\nLDCTDenoiseLib.denoise, LDCTDenoiseLib.read_volume")
    assert not loaded & (HEAVY | {"email", "concurrent", "statistics"})


def test_help_loads_nothing_heavy():
    code = "from LDCTDenoiseLib.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    assert not loaded_by(code) & (HEAVY | {"numpy", "ctypes"})


NO_TORCH = """import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name == 'torch':
            raise ModuleNotFoundError('No module named torch', name='torch')
sys.meta_path.insert(0, Without())
"""


SLICER_ONLY = NO_TORCH.replace(
    "name == 'torch'", "name.split('.')[0] in ('safetensors', 'platformdirs', 'tqdm', 'skimage', 'matplotlib')"
)


def test_what_slicer_ships_is_enough_with_torch():
    pytest.importorskip("torch")
    code = (
        f"{SLICER_ONLY}import numpy as np, pathlib, tempfile\n"
        "from LDCTDenoiseLib import CTVolume, denoise, list_models, read_volume, write_volume\n"
        "from LDCTDenoiseLib.cli import main\n"
        "from LDCTDenoiseLib.inference.progress import reporter\n"
        "assert len(list_models()) > 6\n"
        "sys.stderr.isatty = lambda: True\n"
        "assert type(reporter('auto')).__name__ == 'Notices'\n"
        "file = pathlib.Path(tempfile.mkdtemp()) / 'x.nrrd'\n"
        "v = CTVolume(np.random.default_rng(0).normal(40, 20, (2, 32, 32)))\n"
        "assert denoise(v, 'bilateral').volume.hu.std() < 20\n"
        "write_volume(v, file)\n"
        "for model in ('rddm-balanced', 'median'):\n"
        "    out = file.with_name(model + '.nrrd')\n"
        "    assert main(['denoise', str(file), str(out), '--model', model]) == 0\n"
        "    assert read_volume(out).hu.std() < 15\n"
        "assert main(['models']) == 0\n"
    )
    assert "torch" in loaded_by(code)


def test_models_say_which_packages_are_missing():
    code = f"{SLICER_ONLY}from LDCTDenoiseLib.cli import main\nmain(['models'])\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=LIB.parent)
    assert done.stdout.count("needs: scikit-image is needed") == 2


def test_classical_methods_work_where_torch_is_missing():
    code = (
        f"{NO_TORCH}import numpy as np\nfrom LDCTDenoiseLib import CTVolume, denoise\n"
        "v = CTVolume(np.random.default_rng(0).normal(40, 20, (2, 32, 32)))\n"
        "for id in ('nlm', 'bilateral', 'tv', 'gaussian', 'median', 'anisotropic-diffusion'):\n"
        "    assert denoise(v, id).volume.hu.std() < 20, id\n"
    )
    assert "LDCTDenoiseLib" in loaded_by(code)


def test_a_network_without_torch_is_one_sentence():
    code = (
        f"{NO_TORCH}import numpy as np\nfrom LDCTDenoiseLib import CTVolume, denoise, InputError\n"
        "try:\n    denoise(CTVolume(np.zeros((1, 8, 8))), 'rddm-balanced')\n"
        "except InputError as error:\n    assert 'PyTorch' in str(error)\nelse:\n    raise SystemExit('no error')\n"
    )
    loaded_by(code)
