"""What is in Slicer's scene: the only part that imports slicer and vtk."""
