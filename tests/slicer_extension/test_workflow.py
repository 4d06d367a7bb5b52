"""The whole work of an annotator, headless, on the real scene and a real server process."""

import time

import numpy as np
import pytest
import SimpleITK as sitk

slicer = pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine, so MRML cannot be tested here")

from CrossLabelLib.client.errors import ServerError  # noqa: E402
from CrossLabelLib.client.results import Case  # noqa: E402
from CrossLabelLib.keeping import UnsavedWorkError  # noqa: E402
from CrossLabelLib.scene import files, geometry  # noqa: E402
from CrossLabelLib.submission import FindingsError  # noqa: E402
from mrml import draw  # noqa: E402

SEGMENTATION, CLASSIFICATION = "tiny_segmentation", "tiny_classification"


@pytest.fixture
def session(server, new_session, loop):
    """Connected, with the segmentation task; labels of the test are withdrawn at its end."""
    found = new_session()
    found.connect(server.url)
    loop.until(lambda: found.server)
    found.choose_task(SEGMENTATION)
    yield found
    for task in (SEGMENTATION, CLASSIFICATION):
        for case in server.get(f"/api/v1/learning/{task}/cases?state=labelled").json()["cases"]:
            server.delete(f"/datastore/label?id={case['id']}&tag=final&task={task}").raise_for_status()


def opened(session, loop, name, state="unlabelled"):
    session.work.open(Case(name, state))
    loop.until(lambda: session.error or (session.work.case and session.work.case.id == name and not session.activity))
    assert session.error is None, session.error


def sent(session, loop, **options):
    session.submission.submit(confirmed=True, **options)
    loop.until(lambda: session.error or session.submission.saved)
    assert session.error is None, session.error
    return session.submission.saved


def on_server(server, name, task=SEGMENTATION):
    path = server.studies.parent / f"downloaded-{time.monotonic_ns()}.nrrd"
    path.write_bytes(server.get(f"/datastore/label?label={name}&tag=final&task={task}").content)
    return sitk.ReadImage(str(path))


def versions_of(server):
    """Other tests train on the shared server as well."""
    return server.get(f"/api/v1/versions/{SEGMENTATION}").json()


def served(server):
    return next(version for version in versions_of(server) if version["active"])


def test_a_case_is_handed_out_proposed_corrected_sent_reopened_and_corrected_again(server, session, loop):
    session.work.next()
    loop.until(lambda: session.prediction.proposal or session.error)
    case, proposal = session.work.case, session.prediction.proposal
    assert case.state == "leased"
    assert str(case.why.of) in case.why.sentence
    assert proposal.checkpoint == served(server)["name"]
    assert set(proposal.volumes_ml) == set(proposal.confidence) == {"first", "second"}
    voxels, _ = session.submission.preview()
    # The server counted millilitres, the scene voxels of 12 microlitres.
    for name, count in voxels.items():
        assert proposal.volumes_ml[name] == pytest.approx(count * 0.012, abs=1e-3)
    assert not session.work.unsaved

    shape = files.array_of(session.scene.image.GetImageData()).shape
    corrected = np.random.default_rng(3).random(shape) > 0.7
    draw(session, "second", corrected)
    loop.until(lambda: session.work.unsaved)
    with pytest.raises(UnsavedWorkError, match=case.id):
        session.work.next()
    saved = sent(session, loop, comment="the second was too small")
    assert (saved.image, saved.task) == (case.id, SEGMENTATION)
    assert not session.work.unsaved
    assert session.work.case.state == "labelled"

    assert np.array_equal(sitk.GetArrayFromImage(on_server(server, case.id)) == 7, corrected)

    opened(session, loop, case.id, "labelled")
    assert session.submission.preview()[0]["second"] == int(corrected.sum())
    less = corrected & (np.indices(shape)[0] > 4)
    draw(session, "second", less)
    again = sent(session, loop)
    assert again.version == saved.version + 1
    assert np.array_equal(sitk.GetArrayFromImage(on_server(server, case.id)) == 7, less)
    session.submission.list_history()
    loop.until(lambda: session.submission.history)
    assert [(label.version, label.author) for label in session.submission.history][-2:] == [
        (saved.version, "anna"),
        (again.version, "anna"),
    ]
    assert session.submission.history[-2].comment == "the second was too small"


@pytest.mark.parametrize("name", ["mr_0", "mr_3", "mr_series"])
def test_labels_of_files_and_series_arrive_in_the_grid_of_the_image(server, session, loop, name):
    session.settings.set("propose_on_load", False)
    opened(session, loop, name)
    shape = files.array_of(session.scene.image.GetImageData()).shape
    first = np.zeros(shape, bool)
    first[0, 1, 2] = first[2:4, 3:9, 5:6] = True
    draw(session, "first", first)
    sent(session, loop)
    stored = on_server(server, name)
    at = np.argwhere(sitk.GetArrayFromImage(stored) == 2)[:, ::-1].tolist()
    places = {stored.TransformIndexToPhysicalPoint(index) for index in at}
    to_world = geometry.grid_of(session.scene.image).matrix
    drawn = {tuple((to_world @ [*index[::-1], 1.0])[:3] * (-1, -1, 1)) for index in np.argwhere(first)}
    assert np.allclose(sorted(places), sorted(drawn), atol=1e-3)


def test_what_looks_wrong_is_named_before_anything_is_sent(server, session, loop):
    opened(session, loop, "mr_1")
    content = session.scene.segmentation.GetSegmentation()
    content.GetSegment(content.GetSegmentIdBySegmentName("first")).SetName("frist")
    with pytest.raises(FindingsError) as caught:
        session.submission.submit()
    assert caught.value.may_confirm
    assert {finding.segment for finding in caught.value.findings} == {"frist", "first"}
    content.GetSegment(content.GetSegmentIdBySegmentName("frist")).SetName("second")
    with pytest.raises(FindingsError, match="Two segments are called 'second'"):
        session.submission.submit(confirmed=True)
    assert session.submission.saved is None
    assert server.get(f"/datastore/label?label=mr_1&tag=final&task={SEGMENTATION}").status_code == 404


def test_a_proposal_that_comes_after_the_first_stroke_waits(session, loop):
    session.settings.set("propose_on_load", False)
    opened(session, loop, "mr_2")
    session.prediction.propose()
    mask = np.zeros(files.array_of(session.scene.image.GetImageData()).shape, bool)
    mask[3, 3, 3] = True
    draw(session, "first", mask)
    loop.until(lambda: session.prediction.proposal)
    assert session.prediction.waiting
    assert session.submission.preview()[0] == {"first": 1, "second": 0}
    with pytest.raises(UnsavedWorkError):
        session.prediction.show_proposal()
    session.prediction.show_proposal(discard=True)
    assert not session.prediction.waiting
    assert session.submission.preview()[0]["first"] > 1


def test_a_volume_that_the_server_does_not_have_is_predicted_and_sent_once_it_is_uploaded(server, session, loop):
    volume = files.load_volume(server.studies / "mr_0.nii.gz", "from the DICOM database")
    session.work.adopt(volume)
    session.prediction.propose()
    loop.until(lambda: session.prediction.proposal or session.error)
    assert session.error is None, session.error
    with pytest.raises(ServerError, match="upload it first"):
        session.submission.submit(confirmed=True)
    session.work.upload("mr_adopted")
    loop.until(lambda: session.work.case.id or session.error)
    try:
        assert sent(session, loop).image == "mr_adopted"
    finally:
        server.delete("/datastore/image?id=mr_adopted").raise_for_status()


def test_a_batch_is_opened_case_by_case_and_skipped_ones_are_left_out(server, session, loop):
    session.work.next_batch(3)
    loop.until(lambda: session.work.batch or session.error)
    batch = [case.id for case in session.work.batch]
    assert len(set(batch)) == 3
    session.settings.set("propose_on_load", False)
    session.work.next()
    loop.until(lambda: session.work.case)
    assert session.work.case.id == batch[0]
    assert [case.id for case in session.work.batch] == batch[1:]
    session.work.skip("blurred")
    loop.until(lambda: not session.background.busy("mark"))
    assert session.work.case is None
    session.list_cases(state="skipped")
    loop.until(lambda: session.cases)
    assert [case.id for case in session.cases.cases] == [batch[0]]
    session.work.pin(session.cases.cases[0], True)
    loop.until(lambda: not session.background.busy("mark"))
    session.list_cases(text=batch[0])
    loop.until(lambda: session.cases.cases[0].state != "skipped")
    assert session.cases.cases[0].pinned
    session.work.pin(session.cases.cases[0], False)
    loop.until(lambda: not session.background.busy("mark"))


def test_uncertainty_lies_over_the_image(session, loop):
    opened(session, loop, "mr_1")
    session.prediction.show_uncertainty()
    loop.until(lambda: session.prediction.map or session.error)
    assert session.error is None, session.error
    assert session.scene.overlay.GetImageData().GetDimensions() == session.scene.image.GetImageData().GetDimensions()
    low, high = session.scene.overlay.GetImageData().GetScalarRange()
    assert 0 <= low <= high


@pytest.mark.parametrize("explanation", ["gradcam", "occlusion"])
def test_a_picture_is_classified_explained_and_its_class_is_sent(server, session, loop, explanation):
    session.choose_task(CLASSIFICATION)
    opened(session, loop, "dark_0")
    loop.until(lambda: session.prediction.answer or session.error)
    assert sum(probability for _, probability in session.prediction.answer.probabilities) == pytest.approx(1, abs=1e-5)
    assert session.prediction.answer.calibrated is False
    session.prediction.explain(explanation, "dark")
    loop.until(lambda: session.prediction.map or session.error)
    assert session.error is None, session.error
    assert session.scene.overlay.GetImageData().GetDimensions() == session.scene.image.GetImageData().GetDimensions()
    session.submission.submit_class("dark", sure=False, comment="noisy")
    loop.until(lambda: session.submission.saved or session.error)
    assert session.error is None, session.error
    (label,) = server.get(f"/api/v1/labels?task={CLASSIFICATION}&image=dark_0").json()["labels"][-1:]
    assert (label["class_name"], label["comment"], label["author"]) == ("dark", "noisy", "anna")
    with pytest.raises(ServerError, match="bright, dark"):
        session.submission.submit_class("grey")


def test_a_saved_scene_is_taken_up_once_its_server_is_there(server, session, new_session, loop):
    opened(session, loop, "mr_1")
    before = session.submission.preview()[0]
    session.scene.on_edit = None
    after_restart = new_session()
    after_restart.connect(server.url)
    loop.until(lambda: after_restart.work.case)
    assert (after_restart.task.name, after_restart.work.case.id) == (SEGMENTATION, "mr_1")
    assert after_restart.work.checkpoint == served(server)["name"]
    assert after_restart.submission.preview()[0] == before
    with pytest.raises(UnsavedWorkError):
        after_restart.work.next()


def test_where_learning_stands_is_followed_and_switched_and_versions_are_rolled_back(server, session, loop):
    loop.until(lambda: session.watch.learning)
    state = session.watch.learning
    assert (state.labels.final, state.labels.pool >= 5) == (0, True)
    assert "bald" in {name for name, _ in state.strategies}
    assert [(version.number, version.active) for version in state.versions] == [
        (version["number"], version["active"]) for version in versions_of(server)
    ]
    try:
        session.watch.switch("paused")
        loop.until(lambda: session.error or session.watch.learning.switch == "paused")
        assert session.error is None, session.error
    finally:
        session.watch.switch(state.switch)
        loop.until(lambda: session.watch.learning.switch == state.switch)
    session.watch.activate(served(server)["number"])
    loop.until(lambda: not session.activity)
    assert session.error is None, session.error
    session.watch.activate(77)
    loop.until(lambda: session.error)
    assert "77" in session.error.sentence


def test_a_training_without_labels_is_refused_with_what_to_do(session, loop):
    session.watch.train()
    loop.until(lambda: session.error)
    assert "final label" in session.error.sentence


def block_of(session):
    mask = np.zeros(files.array_of(session.scene.image.GetImageData()).shape, bool)
    mask[2:5, 3:7, 4:9] = True
    return mask


def test_an_edit_made_while_the_next_case_comes_is_not_thrown_away(server, session, loop):
    session.settings.set("propose_on_load", False)
    opened(session, loop, "mr_0")
    session.work.next()
    draw(session, "first", block_of(session))
    loop.until(lambda: session.error)
    assert "mr_0 was edited while it came; send that first" in session.error.sentence
    assert session.work.case.id == "mr_0"
    assert session.work.unsaved
    (waiting,) = session.work.batch
    session.work.next(discard=True)
    loop.until(lambda: session.work.case.id == waiting.id and not session.work.unsaved)
    session.work.release()
    loop.until(lambda: not session.background.busy("mark"))


def test_the_image_in_hand_may_be_taken_as_one_that_the_server_does_not_have(session, loop):
    session.settings.set("propose_on_load", False)
    opened(session, loop, "mr_0")
    volume = session.scene.image
    session.work.adopt(volume)
    assert session.scene.image is volume
    assert slicer.mrmlScene.IsNodePresent(volume)
    assert session.work.case.id == ""


def test_the_case_of_a_scene_from_another_server_is_said_and_left_where_it_is(server, session, loop):
    session.settings.set("propose_on_load", False)
    opened(session, loop, "mr_0")
    draw(session, "first", block_of(session))
    segmentation = session.scene.segmentation
    kept = session.scene.get("case")
    # As it is when a scene with somebody else's case was loaded.
    session.work.case = None
    session.work.keeping.clean()
    session.scene.set("case", {**kept, "server": "http://elsewhere:8000"})
    session.returning.resume()
    assert "belongs to http://elsewhere:8000; connect there to go on" in session.error.sentence
    session.error = None
    session.disconnect()
    assert session.scene.segmentation is segmentation, "whoever connects there has to find it"
    session.connect(server.url)
    loop.until(lambda: session.server)
    session.choose_task(SEGMENTATION)
    session.error = None
    opened(session, loop, "mr_1")
    assert slicer.mrmlScene.IsNodePresent(segmentation)
    assert session.scene.segmentation is not segmentation
