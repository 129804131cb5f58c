"""slicer.packaging: what a module wants to install is recorded and never installed."""

from __future__ import annotations

from importlib import metadata

installed: list[str] = []  # requirement lines, in the order in which they were asked for


def pip_install(requirements, **kwargs):
    installed.extend([requirements] if isinstance(requirements, str) else list(requirements))


def pip_uninstall(requirements, **kwargs):
    pass


def pip_check(requirement) -> bool:
    """Whether the environment has the distribution (versions are not compared)."""
    import re

    name = re.match(r"[A-Za-z0-9._-]+", str(requirement))[0]
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def pip_ensure(requirements, requester=None, **kwargs):
    missing = [r for r in ([requirements] if isinstance(requirements, str) else requirements) if not pip_check(r)]
    if missing:
        pip_install(missing)


def load_requirements(path):
    from pathlib import Path

    lines = (line.split("#")[0].strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]
