"""The whole work on a case through the panel, against a real server."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from slicer_extension.panel.conftest import Answering, choose, click, connect, until

SEGMENTATION, CLASSIFICATION = "tiny_segmentation", "tiny_classification"


def open_case(module, name):
    """Open a case from the list, as by a double-click on it."""
    ui = module.ui
    ui.listSection.setProperty("collapsed", False)
    ui.textFilterEdit.setText(name)
    item = lambda: ui.casesTable.item(0, 0)  # noqa: E731
    until(lambda: ui.casesTable.rowCount() == 1 and item() and item().text() == name, what="the list stays empty")
    ui.casesTable.setCurrentCell(0, 0)
    click(ui.openButton)
    until(lambda: module.logic.session.work.case and module.logic.session.work.case.id == name)


def paint(module, name, value=None):
    """Draw a block into a segment, as the segment editor does."""
    segmentation = module.logic.session.scene.segmentation
    identifier = segmentation.GetSegmentation().GetSegmentIdBySegmentName(name)
    assert identifier, f"there is no segment {name}"
    volume = module.logic.session.scene.image
    array = slicer.util.arrayFromVolume(volume)
    block = np.zeros(array.shape, np.uint8)
    block[2:5, 3:7, 4:9] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(block, segmentation, identifier, volume)
    return block


@pytest.fixture
def segmenting(module, server):
    module.ui.submitNextCheck.setChecked(False)
    connect(module, server, SEGMENTATION)
    yield module
    for image in ("mr_0", "mr_1", "mr_2", "mr_3"):
        server.delete(f"/datastore/label?id={image}&tag=final&task={SEGMENTATION}")


def test_the_next_case_comes_with_its_proposal_and_says_why(segmenting):
    ui = segmenting.ui
    click(ui.nextButton)
    until(lambda: segmenting.logic.session.prediction.proposal, what="no proposal")
    until(lambda: ui.proposalTable.rowCount() == 2)
    assert ui.whyLabel.text().startswith("Why: ")
    assert ui.caseLabel.text().startswith(segmenting.logic.session.work.case.id)
    assert [ui.proposalTable.item(row, 0).text() for row in range(2)] == ["first", "second"]
    assert all(ui.proposalTable.item(row, 1).text().endswith("mL") for row in range(2))
    assert ui.segmentEditor.segmentation is segmenting.logic.session.scene.segmentation
    assert ui.segmentEditor.shortcuts_installed
    ui.segmentEditor.setActiveEffect("Paint")
    segmenting.exit()
    assert not ui.segmentEditor.shortcuts_installed
    assert ui.segmentEditor.active_effect is None, "the next click in a view would paint"
    segmenting.enter()
    assert ui.segmentEditor.shortcuts_installed
    assert ui.segmentEditor.volume is segmenting.logic.session.scene.image


def test_what_is_drawn_arrives_voxel_for_voxel_with_the_tasks_values(segmenting, server):
    ui, session = segmenting.ui, segmenting.logic.session
    ui.proposeAutoCheck.setChecked(False)
    open_case(segmenting, "mr_1")
    until(lambda: session.scene.segmentation is not None)
    name, value = "second", next(label.value for label in session.task.labels if label.name == "second")
    block = paint(segmenting, name)
    ui.commentEdit.setText("by hand")
    until(lambda: ui.submitButton.isEnabled())
    click(ui.submitButton)
    until(lambda: ui.submitButton.text() == "Submit all the same")
    findings = [ui.checksList.item(row).text() for row in range(ui.checksList.count())]
    assert any("'first' is empty" in finding for finding in findings)
    click(ui.submitButton)
    until(lambda: session.submission.saved, what="it was not saved")
    until(lambda: "mr_1" in ui.submittedLabel.text())
    assert not session.work.unsaved
    stored = server.get("/datastore/label", params={"label": "mr_1", "tag": "final", "task": SEGMENTATION})
    path = server.clients / "stored.nrrd"
    suffix = ".nii.gz" if stored.content[:2] == b"\x1f\x8b" else ".nrrd"
    path = path.with_name("stored" + suffix)
    path.write_bytes(stored.content)
    label = sitk.ReadImage(str(path))
    image = sitk.ReadImage(str(server.studies / "mr_1.nii.gz"))
    assert np.array_equal(sitk.GetArrayFromImage(label), block * value)
    assert np.allclose(label.GetOrigin(), image.GetOrigin(), atol=1e-3)
    assert np.allclose(label.GetDirection(), image.GetDirection(), atol=1e-5)


def test_warnings_that_were_confirmed_do_not_confirm_new_ones(segmenting):
    ui, session = segmenting.ui, segmenting.logic.session
    ui.proposeAutoCheck.setChecked(False)
    open_case(segmenting, "mr_2")
    until(lambda: session.scene.segmentation is not None)
    paint(segmenting, "second")
    until(lambda: ui.submitButton.isEnabled())
    click(ui.submitButton)
    until(lambda: ui.submitButton.text() == "Submit all the same")
    paint(segmenting, "first")
    click(ui.submitButton)
    QTest.qWait(50)
    assert session.submission.saved is None
    assert any("share" in ui.checksList.item(row).text() for row in range(ui.checksList.count()))


def test_unsaved_work_is_kept_when_the_person_says_so_and_lost_only_when_they_do(segmenting):
    ui, session = segmenting.ui, segmenting.logic.session
    ui.proposeAutoCheck.setChecked(False)
    open_case(segmenting, "mr_0")
    until(lambda: session.scene.segmentation is not None)
    paint(segmenting, "first")
    until(lambda: "not sent" in ui.correctLabel.text())
    with Answering("Keep") as question:
        click(ui.nextButton)
        QTest.qWait(100)
    assert session.work.case.id == "mr_0"
    assert "mr_0" in question.asked[0]
    with Answering("Keep"):
        choose(ui.taskCombo, CLASSIFICATION)
    assert session.task.name == SEGMENTATION
    assert ui.taskCombo.currentData() == SEGMENTATION
    with Answering("Keep"):
        click(ui.connectButton)
    assert session.server is not None
    with Answering("Discard"):
        choose(ui.taskCombo, CLASSIFICATION)
    until(lambda: session.task.name == CLASSIFICATION)
    assert session.work.case is None


def test_a_class_is_chosen_by_a_key_and_sent_with_what_the_person_says(module, server):
    ui, session = module.ui, module.logic.session
    ui.submitNextCheck.setChecked(False)
    connect(module, server, CLASSIFICATION)
    open_case(module, "bright_1")
    until(lambda: session.prediction.answer, what="no class was proposed")
    until(lambda: not ui.proposalSection.isVisible() and ui.classifySection.isVisible())
    rows = module.panel.classify_section._rows
    until(lambda: sum(bar.value() for bar in rows.bars.values()) in range(998, 1003), what="no probabilities")
    assert not ui.submitButton.isEnabled(), "the model's class would be sent as the person's"
    assert not ui.segmentEditor.shortcuts_installed, "a key of the editor and of the classes would do nothing"
    module.parent.activateWindow()
    until(module.parent.isActiveWindow)
    QTest.keyClick(module.parent, Qt.Key.Key_2)
    chosen = session.task.classes[1]
    until(lambda: rows.buttons[chosen].isChecked())
    assert f"The class {chosen} " in ui.submitWhatLabel.text()
    QTest.keyClick(module.parent, Qt.Key.Key_0)
    assert "(not sure)" in ui.submitWhatLabel.text()
    click(ui.submitButton)
    until(lambda: session.submission.saved, what="it was not saved")
    stored = server.get("/api/v1/labels", params={"task": CLASSIFICATION, "image": "bright_1"}).json()["labels"]
    assert stored[-1]["class_name"] == chosen
    server.delete(f"/datastore/label?id=bright_1&tag=final&task={CLASSIFICATION}")


def test_digits_typed_into_the_comment_choose_no_class(module, server):
    ui, session = module.ui, module.logic.session
    connect(module, server, CLASSIFICATION)
    open_case(module, "dark_0")
    module.parent.activateWindow()
    until(module.parent.isActiveWindow)
    ui.commentEdit.setFocus()
    QTest.keyClicks(ui.commentEdit, "2 of 10")
    assert ui.commentEdit.text() == "2 of 10"
    assert module.panel.classify_section.choice == ""
    assert session.work.comment == "2 of 10"


def test_a_batch_is_reserved_and_worked_off(segmenting):
    ui, session = segmenting.ui, segmenting.logic.session
    ui.proposeAutoCheck.setChecked(False)
    ui.batchSpin.setValue(3)
    click(ui.nextButton)
    until(lambda: session.work.case, what="no case was opened")
    until(lambda: "2 more cases are reserved" in ui.caseLabel.text())
    first = session.work.case.id
    click(ui.nextButton)
    until(lambda: session.work.case.id != first)
    until(lambda: "1 more cases are reserved" in ui.caseLabel.text())
    until(lambda: ui.releaseButton.isVisible())
    click(ui.releaseButton)
    until(lambda: session.work.case is None)


def test_a_labelled_case_is_found_by_its_state_and_comes_back_with_its_label(segmenting):
    ui, session = segmenting.ui, segmenting.logic.session
    ui.proposeAutoCheck.setChecked(False)
    open_case(segmenting, "mr_3")
    until(lambda: session.scene.segmentation is not None)
    paint(segmenting, "first")
    until(lambda: ui.submitButton.isEnabled())
    click(ui.submitButton)
    until(lambda: ui.submitButton.text() == "Submit all the same")
    click(ui.submitButton)
    until(lambda: session.submission.saved)
    drawn = session.scene.facts()
    open_case(segmenting, "mr_2")
    ui.textFilterEdit.setText("")
    choose(ui.stateFilterCombo, "labelled")
    until(lambda: ui.casesTable.rowCount() == 1 and ui.casesTable.item(0, 0) and ui.casesTable.item(0, 0).text() == "mr_3")
    ui.casesTable.setCurrentCell(0, 0)
    click(ui.openButton)
    until(lambda: session.work.case.id == "mr_3" and session.scene.segmentation is not None)
    until(lambda: session.scene.facts() == drawn)
    until(lambda: "version " in ui.historyLabel.text())
