"""Run by torchrun: the first process fits a translation, the others wait and read what it wrote, as the adaptation job does."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from crosslabel.adaptation.image_level import Watch, build_adapter
from crosslabel.optimisation import processes
from tiny import segmentation_task
from two_domains import volumes

folder = Path(sys.argv[1])
with processes.process_group("cpu"):
    short = {"width": 4, "blocks": 1, "epochs": 1, "steps_per_epoch": 2, "clusters": 1}
    adapter = build_adapter("translation", segmentation_task(), seed=0, **short)
    source, target = volumes(1), volumes(1, inverted=True)
    if processes.rank() == 0:
        assert adapter.fit(source, target, folder / "fit", Watch())
    processes.barrier()
    if processes.rank() > 0:
        assert adapter.fit(source, target, folder / "fit", Watch())
    made = adapter.volume(source[0].id, source[0].read().tensor, 0)
    seen = f"{processes.count()} {hashlib.sha256(made.numpy().tobytes()).hexdigest()}"
    (folder / f"rank_{processes.rank()}.txt").write_text(seen)
