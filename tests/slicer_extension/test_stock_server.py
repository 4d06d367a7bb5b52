"""A server started by MONAI Label's own command, which knows nothing of CrossLabel's interface."""

import numpy as np
import pytest
import SimpleITK as sitk

slicer = pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine, so MRML cannot be tested here")

from crosslabel.paths import app_dir  # noqa: E402
from CrossLabelLib.client.api import Client  # noqa: E402
from CrossLabelLib.client.errors import ServerError  # noqa: E402
from CrossLabelLib.client.transport import Transport  # noqa: E402
from server_process import publish_random_weights, stock_server, unused_port, write_studies, write_tasks  # noqa: E402

TASK = "tiny_segmentation"


@pytest.fixture(scope="module")
def stock_url(tmp_path_factory):
    root = tmp_path_factory.mktemp("stock")
    write_tasks(root / "app" / "tasks")
    (root / "app" / "main.py").write_text((app_dir() / "main.py").read_text())
    models, studies = publish_random_weights(root / "models"), write_studies(root / "studies")
    with stock_server(root, studies, unused_port(), CROSSLABEL_MODELS=str(models)) as url:
        yield url


@pytest.fixture
def client(stock_url):
    found = Client(Transport(stock_url), "anna")
    found.connect()
    return found


def test_it_is_recognised_and_what_it_lacks_has_a_reason(client):
    server = client.server
    assert server.stock
    assert {task.name: task.kind for task in server.tasks}[TASK] == "segmentation"
    assert [(label.name, label.value) for label in server.task(TASK).labels] == [("first", 2), ("second", 7)]
    assert not server.task("tiny_untrained").available
    assert {"case list", "heatmaps", "uncertainty", "adaptation", "history", "learning"} <= set(server.missing)
    assert "training" not in server.missing
    for call in (lambda: client.skip(TASK, "mr_0"), lambda: client.history(TASK, "mr_0"), lambda: client.adaptation(TASK)):
        with pytest.raises(ServerError, match="needs CrossLabel's own server"):
            call()


def test_a_case_is_handed_out_proposed_corrected_sent_and_opened_again(stock_url, client, new_session, loop, tmp_path):
    session = new_session()
    session.connect(stock_url)
    loop.until(lambda: session.server)
    session.choose_task(TASK)
    # Chance would draw the DICOM series now and then, which MONAI Label's own route for images does not deliver.
    session.work.next("first")
    loop.until(lambda: session.prediction.proposal or session.error)
    assert session.error is None, session.error
    case, voxels = session.work.case.id, session.submission.preview()[0]
    content = session.scene.segmentation.GetSegmentation()
    # The names decide, whatever the order.
    content.SetSegmentIndex(content.GetNthSegmentID(0), 1)
    session.submission.submit(confirmed=True)
    loop.until(lambda: session.submission.saved or session.error)
    assert session.error is None, session.error
    array = sitk.GetArrayFromImage(sitk.ReadImage(str(client.download_label(TASK, case, tmp_path))))
    assert {name: int((array == value).sum()) for name, value in (("first", 2), ("second", 7))} == voxels
    assert set(np.unique(array)) <= {0, 2, 7}
    listed = client.cases(TASK, state="labelled")
    assert [entry.id for entry in listed.cases] == [case]
    session.work.open(listed.cases[0])
    loop.until(lambda: not session.activity)
    assert session.error is None, session.error
    assert session.submission.preview()[0] == voxels


def test_a_picture_is_classified_and_its_class_is_saved(client):
    answer = client.classify("tiny_classification", "bright_0")
    assert {name for name, _ in answer.probabilities} == {"bright", "dark"}
    assert client.save_class("tiny_classification", "bright_0", "bright").image == "bright_0"
    assert "bright_0" in [case.id for case in client.cases("tiny_classification", state="labelled").cases]


def test_the_list_of_cases_has_pages_a_text_and_states(client):
    everything = client.cases(TASK, limit=1000)
    assert everything.total == len(everything.cases)
    page = client.cases(TASK, text="mr_", offset=1, limit=2)
    assert [case.id for case in page.cases] == [case.id for case in everything.cases if "mr_" in case.id][1:3]


def test_what_it_tells_of_a_training_is_shown(client):
    state = client.learning(TASK)
    assert (state.state, state.running) == ("idle", False)
