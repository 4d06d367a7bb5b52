"""Time and memory of an adaptation against the number and the size of its volumes."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np

from benchmarks.table import Cell, Table
from crosslabel.checkpoints import ModelStore
from crosslabel.data import labelled_cases, unlabelled_cases
from crosslabel.paths import tasks_dir
from crosslabel.tasks import TaskSpec, load_task
from crosslabel.training.adaptation import AdaptationCases, AdaptationJob

_MEMORY_BYTES = 32 * 2**20
_VOLUMES = tuple(f"{count} volumes" for count in (8, 16, 32, 64, 128, 256))
_SIZES = ("64 voxels a side", "96 voxels a side", "128 voxels a side")


def measure(cell: Cell) -> dict[str, float]:
    """Wall-clock time and peak resident memory of a job that is the whole process."""
    count, side = int(cell.row.split()[0]), int(cell.column.split()[0])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "ct", "ct", count // 2, side)
        _write(folder / "mr", "mr", count // 2, side)
        task = _task()
        cases = AdaptationCases(labelled_cases(folder / "ct", task), unlabelled_cases(folder / "mr"))
        started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds: list[float] = []
        job = AdaptationJob(
            task,
            cases,
            ModelStore(folder / "models"),
            folder / "run",
            device="cpu",
            memory_bytes=_MEMORY_BYTES,
            on_event=lambda event: seconds.append(event.elapsed_seconds),
        )
        job.run()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"peak memory": peak, "before the job": started, "seconds": max(seconds)}


def _task() -> TaskSpec:
    content = load_task(tasks_dir() / "abdomen_ct_mr.yaml").model_dump(mode="json", by_alias=True)
    return TaskSpec.model_validate(
        {
            **content,
            "spacing": [2.0, 2.0, 2.0],
            "patch": [32, 32, 32],
            "read_labels": {},
            "network": {"name": "UNet", "arguments": {"channels": [4, 8], "strides": [2], "norm": "INSTANCE"}},
            "training": {"epochs": 3, "steps_per_epoch": 8, "batch_size": 2, "validation_share": 0, "validate_every": 3},
            "adaptation": {"warm_up": 0.5, "rounds": 1},
        }
    )


def _write(folder: Path, modality: str, count: int, side: int) -> None:
    """Noise with four boxes; what is learnt does not matter here."""
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    for number in range(count):
        rng = np.random.default_rng([side, number])
        label = np.zeros((side, side, side), np.uint8)
        for value in range(1, 5):
            corner = rng.integers(0, side // 2, 3)
            label[tuple(slice(start, start + side // 4) for start in corner)] = value
        image = rng.normal(0, 20, label.shape) + 40.0 * label
        for part, array in (("imagesTr", image.astype(np.int16)), ("labelsTr", label)):
            nib.save(nib.Nifti1Image(array, np.diag([2.0, 2.0, 2.0, 1.0])), folder / part / f"{modality}_{number:03d}.nii.gz")


TABLE = Table(
    name="adaptation_growth",
    title="Time and memory of an adaptation by number and size of volumes",
    rows=_VOLUMES,
    columns=_SIZES,
    seeds=(0,),
    measure=measure,
    metrics={
        "peak memory": "MB, resident, of the whole process",
        "before the job": "MB, resident: Python, PyTorch and MONAI",
        "seconds": "of the epochs: 24 steps, one round of pseudo-labels, one validation",
    },
    note="Half of the volumes are the source's, half the target's; 32 MB of prepared volumes of each kind may be kept in "
    "memory (the default is 2 GB). Goal: memory does not grow with the number of volumes. It grows with the size of one.",
    across="rows",
)
