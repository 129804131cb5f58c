"""The module that modules import as `ctk`: stand-ins for the CTK widgets that scripted modules use."""

import sys
import types

from . import qt

_module = None


def install():
    """Make `import ctk` give the stand-in; returns it. Calling it again changes nothing."""
    global _module
    if _module is None:
        qt.install()
        from . import ctk_buttons, ctk_collapsible, ctk_paths, ctk_ranges, ctk_sliders  # they need the attributes of qt

        _module = types.ModuleType("ctk", "Stand-ins for CTK's widgets.")
        for part in (ctk_buttons, ctk_collapsible, ctk_paths, ctk_ranges, ctk_sliders):
            vars(_module).update({name: value for name, value in vars(part).items() if name.startswith("ctk")})
        sys.modules["ctk"] = _module
    return _module
