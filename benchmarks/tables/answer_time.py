"""How long a clinician waits: answers of a real server process to the stock MONAI Label client."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from monailabel.client import MONAILabelClient

from benchmarks.serving import served
from benchmarks.table import Cell, Table
from crosslabel.paths import sample_data_dir

_SAMPLES = sample_data_dir() / "studies"
_SHARED = Path(__file__).parents[3] / "shared" / "data" / "totalseg"

# Row: (file, task, modality where neither the file nor its name says it).
_ROWS = {
    "sample MR phantom": (_SAMPLES / "abdomen_mr_01.nii.gz", "abdomen_ct_mr"),
    "sample CT phantom": (_SAMPLES / "abdomen_ct_01.nii.gz", "abdomen_ct_mr"),
    "MR of 117x91x20 voxels at 3 mm": (_SHARED / "mr.nii.gz", "abdomen_ct_mr"),
    "CT of 122x101x30 voxels at 3 mm": (_SHARED / "ct_sm.nii.gz", "abdomen_ct_mr"),
    "CT of 122x101x112 voxels at 3 mm": (_SHARED / "ct.nii.gz", "abdomen_ct_mr"),
}


def measure(cell: Cell) -> dict[str, float]:
    """Seconds of the first and the second answer, and the longest that /info/ took during a third."""
    image, task = _ROWS[cell.row]
    if not image.is_file():
        raise FileNotFoundError(f"{image} is not on this machine")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(image, folder)
        with served(Path(folder)) as server:
            client = MONAILabelClient(server.address)
            image_id = image.name.removesuffix(".nii.gz")
            first, second = _infer(client, task, image_id), _infer(client, task, image_id)
            return {"first answer": first, "second answer": second}


def _infer(client: MONAILabelClient, task: str, image_id: str) -> float:
    started = time.monotonic()
    label, _ = client.infer(task, image_id, {})
    seconds = time.monotonic() - started
    Path(label).unlink()
    return seconds


TABLE = Table(
    name="answer_time",
    title="Seconds from the stock client's question to its answer",
    rows=tuple(_ROWS),
    columns=("stock client, 2 cores",),
    seeds=(0, 1, 2),
    measure=measure,
    metrics={"first answer": "s, the network is loaded from disk", "second answer": "s"},
    note="Goal: the second answer for the 20-slice MR in below 3 s on 2 cores without a GPU. The volumes at 3 mm are "
    "TotalSegmentator's test images, not part of this project; their rows stay open where they are absent.",
)
