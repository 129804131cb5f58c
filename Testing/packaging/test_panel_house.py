"""The rules of the house for what needs Slicer: the front door and the panel, read and not run."""

import ast
import sys
from pathlib import Path

import pytest

MODULE = Path(__file__).resolve().parents[2] / "LDCTDenoise"
PANEL = MODULE / "LDCTDenoisePanel"
FRONT_DOOR = MODULE / "LDCTDenoise.py"
FILES = [FRONT_DOOR, *sorted(PANEL.rglob("*.py"))]
IN_SLICER = {"slicer", "qt", "ctk", "vtk", "numpy"}
WIDGETS, VIEWS = PANEL / "widget", PANEL / "views"


def name_of(path: Path) -> str:
    return path.relative_to(MODULE).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(nodes) -> set[str]:
    """Full names of the modules that import statements name; a relative one begins with its dots."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_hold_one_thought(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_at_file_scope_only_what_slicer_ships_is_imported(path):
    names = {name.split(".")[0] for name in imported(tree_of(path).body) if not name.startswith(".")}
    foreign = names - IN_SLICER - set(sys.stdlib_module_names)
    assert foreign <= ({"LDCTDenoisePanel"} if path == FRONT_DOOR else set())


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_runs_at_file_scope(path):
    for node in tree_of(path).body:
        assert not isinstance(node, (ast.For, ast.While, ast.With)), f"line {node.lineno}"
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant), f"line {node.lineno}: only a docstring may stand there"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_torch_never_enters_slicers_own_process(path):
    for name in imported(ast.walk(tree_of(path))):
        assert name.split(".")[0] not in {"torch", "skimage", "safetensors"}, name


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_arrows_point_down_from_widgets_to_jobs_and_views(path):
    if path == FRONT_DOOR or WIDGETS in path.parents:
        return
    for name in imported(ast.walk(tree_of(path))):
        assert "widget" not in name.lstrip(".").split("."), f"{name} is above"
        assert name.split(".")[0] != "LDCTDenoise", "the front door is above"
        if VIEWS in path.parents:
            assert not name.lstrip(".").endswith(("_job", "jobs", "worker", "logic")), f"views know nothing of {name}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_text_is_filled_in_after_it_was_translated(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
            assert all(isinstance(value, ast.Constant) for value in node.args), f"line {node.lineno}"
