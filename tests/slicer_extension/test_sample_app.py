"""MONAI Label's own sample app for radiology, untouched, as another hospital runs it: no CrossLabel on the server at all."""

import shutil
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

slicer = pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine, so MRML cannot be tested here")

from CrossLabelLib.client.api import Client  # noqa: E402
from CrossLabelLib.client.errors import ServerError  # noqa: E402
from CrossLabelLib.client.transport import Transport  # noqa: E402
from CrossLabelLib.scene import files  # noqa: E402
from mrml import draw  # noqa: E402
from server_process import stock_server, unused_port, write_studies  # noqa: E402

MODEL = "segmentation_spleen"
# Its weights would be downloaded, so it runs without any.
CONFIGURATION = ("models", MODEL), ("use_pretrained_model", "false"), ("sam2", "false"), ("scribbles", "false")


def sample_app() -> Path:
    """Where MONAI Label's wheel put the app."""
    main = next(file for file in metadata.files("monailabel") if file.as_posix().endswith("sample-apps/radiology/main.py"))
    return Path(main.locate()).resolve().parent


@pytest.fixture(scope="module")
def stock_url(tmp_path_factory):
    root = tmp_path_factory.mktemp("sample")
    shutil.copytree(sample_app(), root / "app")
    studies = write_studies(root / "studies")
    for unsuitable in {*studies.iterdir()} - {studies / f"mr_{number}.nii.gz" for number in range(3)}:
        shutil.rmtree(unsuitable) if unsuitable.is_dir() else unsuitable.unlink()
    options = [part for name, value in CONFIGURATION for part in ("--conf", name, value)]
    with stock_server(root, studies, unused_port(), *options) as url:
        yield url


@pytest.fixture
def session(stock_url, new_session, loop, settings):
    settings.set("propose_on_load", False)
    found = new_session()
    found.connect(stock_url)
    loop.until(lambda: found.server or found.error)
    assert found.error is None, found.error
    found.choose_task(MODEL)
    return found


def test_it_is_a_stock_server_whose_missing_features_have_reasons(session):
    assert session.server.stock
    assert [(label.name, label.value) for label in session.task.labels] == [("spleen", 1)]
    assert {"case list", "heatmaps", "uncertainty", "adaptation", "history"} <= set(session.server.missing)
    assert all(reason.endswith(".") for reason in session.server.missing.values())


def test_a_prediction_that_the_server_cannot_make_is_one_sentence(session, loop):
    session.work.next()
    loop.until(lambda: session.work.case or session.error)
    session.prediction.propose()
    loop.until(lambda: session.error)
    assert isinstance(session.error, ServerError)
    assert "\n" not in session.error.sentence
    assert "Traceback" not in session.error.sentence


def test_what_is_drawn_by_hand_is_saved_there_voxel_for_voxel(session, stock_url, loop, tmp_path):
    session.work.next()
    loop.until(lambda: session.work.case or session.error)
    assert session.error is None, session.error
    case = session.work.case.id
    session.scene.start_empty(session.task.labels)
    drawn = np.zeros(files.array_of(session.scene.image.GetImageData()).shape, bool)
    drawn[2:5, 3:7, 4:9] = True
    draw(session, "spleen", drawn)
    session.submission.submit(confirmed=True)
    loop.until(lambda: session.submission.saved or session.error)
    assert session.error is None, session.error
    client = Client(Transport(stock_url), "anna")
    client.connect()
    saved = sitk.GetArrayFromImage(sitk.ReadImage(str(client.download_label(MODEL, case, tmp_path))))
    assert saved.sum() == drawn.sum() == 3 * 4 * 5
    assert [entry.id for entry in client.cases(MODEL, state="labelled").cases] == [case]
