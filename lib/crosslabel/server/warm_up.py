"""What the first answer would otherwise have to wait for."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from monai.inferers import sliding_window_inference

from crosslabel.images import Grid, read_image, write_label


def warm_up() -> None:
    """Import readers and writers and start PyTorch's threads by handling a tiny volume once."""
    grid = Grid((8, 8, 8), np.eye(4))
    with tempfile.TemporaryDirectory(prefix="crosslabel-") as folder:
        for suffix in (".nii.gz", ".nrrd"):
            path = Path(folder, f"warm{suffix}")
            write_label(np.zeros(grid.shape, dtype=np.uint8), grid, path)
            read_image(path)
    with torch.inference_mode():
        sliding_window_inference(torch.zeros(1, 1, 8, 8, 8), 8, 1, torch.nn.Conv3d(1, 1, 3, padding=1))
