from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from phantoms.samples import ABDOMENS, HEADS, LABELLED_MR, PICTURES, write_samples
from phantoms.seeds import require_training

SAMPLE_DATA = Path(__file__).parents[2] / "sample_data"
STUDIES = SAMPLE_DATA / "studies"


def voxels(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj if path.name.endswith(".nii.gz") else Image.open(path)).astype(np.int64)


def test_the_repository_carries_exactly_the_samples_that_are_named():
    named = {f"{name}.nii.gz" for name in ABDOMENS} | {f"{name}.png" for name in PICTURES}
    named |= {f"head_{sequence}_{number}.nii.gz" for number in HEADS for sequence in ("t1c", "flair")}
    sidecars = {name.removesuffix(".nii.gz").removesuffix(".png") + ".json" for name in named}
    assert {path.name for path in STUDIES.iterdir()} == named | sidecars | {"README.md"}
    labelled = [path for path in (SAMPLE_DATA / "labelled").rglob("*.nii.gz") if path.parent.name == "labelsTr"]
    assert len(labelled) == len(LABELLED_MR)


def test_samples_are_made_from_training_seeds_and_fit_into_five_megabytes():
    require_training([*ABDOMENS.values(), *HEADS.values(), *PICTURES.values(), *LABELLED_MR])
    files = [path for folder in ("studies", "labelled") for path in (SAMPLE_DATA / folder).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5e6


@pytest.mark.parametrize(
    "file", ["abdomen_ct_01.nii.gz", "abdomen_mr_01.nii.gz", "head_flair_02.nii.gz", "slice_03.png", "slice_04.png"]
)
def test_a_committed_sample_is_what_the_generator_makes(tmp_path, file):
    name = file.split(".")[0]
    write_samples(tmp_path, only=name)
    committed, made = voxels(STUDIES / file), voxels(tmp_path / "studies" / file)
    assert committed.shape == made.shape
    # Another processor or library version may round the last bit otherwise.
    assert np.mean(np.abs(committed - made) > 1) < 1e-3
    sidecar = f"{name}.json"
    assert json.loads((STUDIES / sidecar).read_text()) == json.loads((tmp_path / "studies" / sidecar).read_text())


def test_an_unknown_sample_is_refused_with_the_names_there_are(tmp_path):
    with pytest.raises(ValueError, match=r"no sample 'abdomen_us_01': choose one of abdomen_ct_01, "):
        write_samples(tmp_path, only="abdomen_us_01")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_the_data_that_is_asked_for(tmp_path):
    command = [sys.executable, str(SAMPLE_DATA / "make.py"), "classes", "--seed", "6", "--count", "3", "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png"))
    assert found == [
        "glioma_tumor/picture_00008.png",
        "no_tumor/picture_00006.png",
        "pituitary_tumor/picture_00007.png",
    ]
