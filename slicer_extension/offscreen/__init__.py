"""The module's real panel without the Slicer application: PySide6 in place of PythonQt, and MRML from the slicer-core wheel.

For tests and for the pictures in the documentation. What is not here is Slicer's own: its segment editor, its slice views and
the ctk widgets are stand-ins that show where they are and remember what they were told.
"""
