from __future__ import annotations

import hashlib

import pytest

from crosslabel.errors import CrossLabelError, ImageError, NotFoundError
from crosslabel.store import LabelState, Origin, Store, StoreError

TASK = "abdomen"
ANNA, BEN = Origin("anna"), Origin("ben")


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_saved_label_is_a_copy_with_its_provenance(store, label_file, clock):
    source = label_file(3)
    origin = Origin("anna", "liver edge redrawn", proposal="abdomen v2", params={"seconds": 41})

    saved = store.labels.save_file(TASK, "mr_1", source, origin)

    assert saved.path.read_bytes() == source.read_bytes()
    assert saved.path != source
    assert saved.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert (saved.version, saved.tag, saved.state) == (1, "final", LabelState.SUBMITTED)
    assert (saved.author, saved.comment, saved.proposal) == ("anna", "liver edge redrawn", "abdomen v2")
    assert (dict(saved.params), saved.parents, saved.created) == ({"seconds": 41}, (), clock.now)
    assert store.labels.current(TASK, "mr_1") == saved


def test_versions_are_counted_across_tags_and_nothing_is_overwritten(store, label_file):
    first = store.labels.save_file(TASK, "mr_1", label_file(1), ANNA)
    proposal = store.labels.save_file(TASK, "mr_1", label_file(2), Origin("model"), tag="original")
    second = store.labels.save_file(TASK, "mr_1", label_file(3), BEN)

    assert [each.version for each in store.labels.history(TASK, "mr_1")] == [1, 2, 3]
    assert [each.path.read_bytes() for each in (first, proposal, second)] == [label_file(v).read_bytes() for v in (1, 2, 3)]
    assert store.labels.current(TASK, "mr_1") == second
    assert store.labels.current(TASK, "mr_1", "original") == proposal


def test_tasks_on_the_same_images_never_collide(store, label_file):
    ours = store.labels.save_file(TASK, "mr_1", label_file(1), ANNA)
    theirs = store.labels.save_file("heart", "mr_1", label_file(2), BEN)

    assert (ours.version, theirs.version) == (1, 1)
    assert ours.path != theirs.path
    assert store.labels.current(TASK, "mr_1") == ours
    assert store.labels.current("heart", "mr_1") == theirs
    assert store.labels.tasks_of("mr_1") == [(TASK, "final"), ("heart", "final")]


def test_a_class_is_a_label_without_a_file(store, studies):
    before = files_below(studies / "labels") if (studies / "labels").exists() else []
    saved = store.labels.save_class("tumour", "mr_0", "glioma", ANNA)
    assert (saved.class_name, saved.path) == ("glioma", None)
    assert store.labels.current("tumour", "mr_0") == saved
    assert (files_below(studies / "labels") if (studies / "labels").exists() else []) == before


def test_a_revert_is_a_new_version_with_the_old_content(store, label_file):
    first = store.labels.save_file(TASK, "mr_1", label_file(1), ANNA)
    store.labels.save_file(TASK, "mr_1", label_file(2), BEN)

    reverted = store.labels.revert(TASK, "mr_1", 1, author="carla", comment="the first was right")

    assert (reverted.version, reverted.parents, reverted.author) == (3, (1,), "carla")
    assert reverted.sha256 == first.sha256
    assert reverted.path.read_bytes() == label_file(1).read_bytes()
    assert store.labels.current(TASK, "mr_1") == reverted
    assert len(store.labels.history(TASK, "mr_1")) == 3


def test_what_came_with_a_label_can_be_added_to(store, label_file):
    store.labels.save_file(TASK, "mr_1", label_file(), Origin("anna", params={"seconds": 41}))
    store.labels.merge_params(TASK, "mr_1", 1, {"dice": 0.9})
    assert store.labels.current(TASK, "mr_1").params == {"seconds": 41, "dice": 0.9}


def test_the_current_labels_of_all_images_are_found_at_once(store, label_file):
    store.labels.save_file(TASK, "mr_2", label_file(1), ANNA)
    store.labels.save_file(TASK, "mr_0", label_file(1), ANNA)
    store.labels.save_file(TASK, "mr_0", label_file(2), BEN)
    store.labels.save_file("heart", "mr_3", label_file(1), ANNA)
    assert [(each.image_id, each.version) for each in store.labels.current_of_all(TASK)] == [("mr_0", 2), ("mr_2", 1)]


def test_the_signature_of_a_task_is_another_after_a_label_and_after_a_labelled_image_changed(store, studies, label_file):
    file = studies / "mr_1.nii.gz"
    image = file.read_bytes()
    seen = [store.labels.signature(TASK)]
    for change in (
        lambda: store.labels.save_file(TASK, "mr_1", label_file(1), ANNA),
        lambda: file.write_text("no longer an image"),
        file.unlink,
        lambda: file.write_bytes(image),
    ):
        change()
        store.scan()
        assert store.labels.signature(TASK) == store.labels.signature(TASK) != seen[-1]
        seen.append(store.labels.signature(TASK))
    (studies / "mr_0.nii.gz").unlink()
    store.scan()
    assert store.labels.signature(TASK) == seen[-1], "nobody labelled that image"


def test_labels_are_found_by_another_process_that_opens_the_store(store, studies, database_url, label_file):
    saved = store.labels.save_file(TASK, "mr_1", label_file(), ANNA)
    with Store(studies, database_url) as other:
        assert other.labels.current(TASK, "mr_1") == saved


def test_a_folder_that_is_moved_takes_its_labels_along(studies, label_file, tmp_path):
    with Store(studies) as store:
        store.scan()
        store.labels.save_file(TASK, "mr_1", label_file(), ANNA)
    moved = studies.rename(tmp_path / "moved")
    with Store(moved) as store:
        assert store.labels.current(TASK, "mr_1").path.read_bytes() == label_file().read_bytes()


@pytest.mark.parametrize("task", ["../x", "", "A", "a/b", "x\n", "a" * 64])
def test_a_task_that_is_no_plain_name_is_refused(store, label_file, task):
    with pytest.raises(CrossLabelError, match="lower-case letters"):
        store.labels.save_file(task, "mr_1", label_file(), ANNA)


@pytest.mark.parametrize("tag", ["../../x", "", "a/b", "a\0", "final\n", "a" * 65])
def test_a_tag_that_is_no_plain_name_is_refused(store, label_file, tag):
    with pytest.raises(CrossLabelError, match="tag holds letters"):
        store.labels.save_file(TASK, "mr_1", label_file(), ANNA, tag=tag)


def test_what_does_not_exist_is_refused_and_leaves_nothing(store, studies, label_file):
    source = label_file()
    before = files_below(studies)
    with pytest.raises(NotFoundError, match=r"no image '\.\./mr_1' among the studies"):
        store.labels.save_file(TASK, "../mr_1", source, ANNA)
    with pytest.raises(NotFoundError, match="no version 7"):
        store.labels.save_file(TASK, "mr_1", source, Origin("anna", parents=(7,)))
    with pytest.raises(NotFoundError, match="no version 7"):
        store.labels.revert(TASK, "mr_1", 7, author="anna")
    assert store.labels.history(TASK, "mr_1") == []
    assert [name for name in files_below(studies) if "/staging/" not in name] == before


def test_files_that_cannot_be_labels_are_refused(store, tmp_path):
    report = tmp_path / "report.pdf"
    report.write_bytes(b"%PDF")
    with pytest.raises(ImageError, match="no label file; save it as"):
        store.labels.save_file(TASK, "mr_1", report, ANNA)
    with pytest.raises(CrossLabelError, match="name of a class"):
        store.labels.save_class(TASK, "mr_1", "", ANNA)


def test_what_users_wrote_is_not_in_the_log_when_the_database_fails(store, caplog, label_file):
    store.labels.save_file(TASK, "mr_1", label_file(), ANNA)
    with store.database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE label_reviews")
    with pytest.raises(StoreError, match="server's log says why"):
        store.reviews.approve(TASK, "mr_1", 1, reviewer="carla", comment="Jane Doe has a tumour")
    assert "label_reviews" in caplog.text
    assert "Jane" not in caplog.text


def test_a_version_is_found_by_its_number_and_the_tasks_by_name(store, label_file):
    saved = store.labels.save_file("liver", "mr_1", label_file(1), Origin("anna"))
    assert store.labels.by_id(saved.id) == saved
    assert store.labels.tasks() == ["liver"]
    with pytest.raises(NotFoundError, match="no label 99"):
        store.labels.by_id(99)
