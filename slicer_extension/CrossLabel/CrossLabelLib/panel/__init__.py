"""The module's panel, one section in a file, in the order of the work.

Written in what PythonQt, which Slicer has, and Qt's own Python share:
setters and ``isX()`` are called, every property is read by ``property("name")``.
"""
