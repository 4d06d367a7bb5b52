"""Adapting a task from the panel's core, on a real server that offers a labelled source."""

import shutil
import socket

import pytest
import yaml

slicer = pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine, so MRML cannot be tested here")

from CrossLabelLib.client.results import Case  # noqa: E402
from server_process import serving  # noqa: E402
from two_modalities import adaptation_task, write_domain  # noqa: E402

TASK = "tiny_segmentation"


@pytest.fixture(scope="module")
def adapting(tmp_path_factory):
    """MR studies, no weights yet, and labelled CT to learn from."""
    root = tmp_path_factory.mktemp("adapting")
    task = adaptation_task(training={"epochs": 2, "steps_per_epoch": 2})
    (root / "tasks").mkdir()
    content = {"schema": 1, **task.model_dump(mode="json", by_alias=True, exclude_defaults=True)}
    (root / "tasks" / f"{TASK}.yaml").write_text(yaml.safe_dump(content))
    write_domain(root / "mr", "MR", 2, 50)
    shutil.copytree(root / "mr" / "imagesTr", root / "studies")
    write_domain(root / "ct", "CT", 3)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving(root, port, "--source", f"ct={root / 'ct'}") as server:
        yield server


def test_an_adaptation_is_started_watched_read_about_and_its_result_predicts(adapting, new_session, loop):
    session = new_session()
    session.connect(adapting.url)
    loop.until(lambda: session.watch.adaptation)
    assert not session.task.available
    assert [(source.name, source.images, source.modality) for source in session.watch.adaptation.sources] == [("ct", 3, "CT")]
    session.watch.adapt("ct", "gin", epochs=2)
    loop.until(lambda: session.error or session.watch.adaptation.run is not None)
    assert session.error is None, session.error
    loop.until(lambda: session.watch.adaptation.run.state in ("finished", "failed"))
    run = session.watch.adaptation.run
    assert (run.state, run.method, run.source, run.report) == ("finished", "gin", "ct", True)
    assert run.progress.fraction == 1
    assert len(run.curves.losses["dice"]) == 2

    opened = []
    session.watch.report(lambda path: opened.append(path.read_text("utf-8")))
    loop.until(lambda: opened or session.error)
    assert "<html" in opened[0]

    loop.until(lambda: session.task.available)
    assert session.task.checkpoint == f"{TASK} v1"
    session.work.open(Case("mr_50"))
    loop.until(lambda: session.prediction.proposal or session.error)
    assert session.error is None, session.error
    assert session.prediction.proposal.checkpoint == f"{TASK} v1"
    assert set(session.prediction.proposal.quality) == {"first", "second"}
