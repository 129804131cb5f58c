"""What needs Slicer: nodes, views, widgets, and the process in which the library works."""
