"""A small 3D Slicer for tests: Slicer's real core (slicer-core) under PySide6 widgets that stand in for the real ones.

    from Testing.host import start
    host = start()
    host.loadModule("LDCTDenoise/LDCTDenoise.py")
    widget = host.openModule("LDCTDenoise")

There is one host, and one application, per process.
"""

from __future__ import annotations

_host = None


def start(width: int = 1200, height: int = 800, scale: float = 1.0):
    """The Host of this process; made at the first call, whose arguments decide the window's size and pixel ratio."""
    global _host
    if _host is None:
        from .environment import prepare

        prepare(scale)
        from .host import Host, make_application

        _host = Host(make_application(width, height))
    return _host
