from __future__ import annotations

import pytest

from crosslabel.errors import CrossLabelError, NotFoundError
from crosslabel.store import ConflictError, LabelState, Origin, TrainingPolicy, Verdict

TASK = "abdomen"


@pytest.fixture
def save(store, label_file):
    def save(image_id, value=1, author="anna", **options):
        return store.labels.save_file(TASK, image_id, label_file(value), Origin(author), **options)

    return save


def trained(store, policy):
    return [(label.image_id, label.version) for label in store.reviews.for_training(TASK, policy)]


def test_an_approved_label_says_by_whom(store, save, clock):
    save("mr_0")
    approved = store.reviews.approve(TASK, "mr_0", 1, reviewer="carla", comment="fine")
    assert approved.state is LabelState.APPROVED
    assert store.labels.current(TASK, "mr_0") == approved
    (review,) = store.reviews.history(TASK, "mr_0")
    assert (review.version, review.reviewer, review.verdict, review.comment, review.created) == (
        (1, "carla", Verdict.APPROVED, "fine", clock.now)
    )


def test_a_label_that_is_sent_back_does_not_train_until_there_is_a_better_one(store, save):
    save("mr_0")
    returned = store.reviews.send_back(TASK, "mr_0", 1, reviewer="carla", comment="the spleen is missing")
    assert returned.state is LabelState.RETURNED
    assert trained(store, TrainingPolicy.FINAL) == []
    save("mr_0", 2)
    assert trained(store, TrainingPolicy.FINAL) == [("mr_0", 2)]


def test_a_label_is_not_sent_back_without_a_reason(store, save):
    save("mr_0")
    with pytest.raises(CrossLabelError, match="comment that says what to change"):
        store.reviews.send_back(TASK, "mr_0", 1, reviewer="carla", comment=" ")


def test_the_policy_says_which_labels_train(store, save):
    save("mr_0")
    save("mr_1")
    save("mr_2", tag="original")
    save("mr_3")
    store.reviews.approve(TASK, "mr_1", 1, reviewer="carla")
    store.reviews.withdraw(TASK, "mr_3", reviewer="carla")
    assert trained(store, TrainingPolicy.FINAL) == [("mr_0", 1), ("mr_1", 1)]
    assert trained(store, TrainingPolicy.APPROVED) == [("mr_1", 1)]


def test_a_newer_version_that_nobody_approved_leaves_the_approved_one_in_training(store, save):
    save("mr_0", 1)
    store.reviews.approve(TASK, "mr_0", 1, reviewer="carla")
    save("mr_0", 2)
    assert trained(store, TrainingPolicy.APPROVED) == [("mr_0", 1)]
    assert trained(store, TrainingPolicy.FINAL) == [("mr_0", 2)]


def test_labels_of_images_that_are_gone_do_not_train_and_come_back_with_them(store, save, studies):
    save("mr_0")
    moved = (studies / "mr_0.nii.gz").rename(studies.parent / "away.nii.gz")
    store.scan()
    assert trained(store, TrainingPolicy.FINAL) == []
    moved.rename(studies / "mr_0.nii.gz")
    store.scan()
    assert trained(store, TrainingPolicy.FINAL) == [("mr_0", 1)]


def test_a_withdrawal_leaves_no_current_label_and_a_revert_brings_one_back(store, save):
    save("mr_0", 1)
    save("mr_0", 2)
    assert store.reviews.withdraw(TASK, "mr_0", reviewer="anna", comment="wrong patient") == 2
    assert store.labels.current(TASK, "mr_0") is None
    assert [label.state for label in store.labels.history(TASK, "mr_0")] == [LabelState.WITHDRAWN] * 2
    with pytest.raises(NotFoundError, match="nothing to withdraw"):
        store.reviews.withdraw(TASK, "mr_0", reviewer="anna")
    with pytest.raises(ConflictError, match="Version 2 was withdrawn"):
        store.reviews.approve(TASK, "mr_0", 2, reviewer="carla")
    store.labels.revert(TASK, "mr_0", 2, author="anna")
    assert store.labels.current(TASK, "mr_0").version == 3


def test_adjudication_by_choice_or_by_a_merged_file_names_both_parents(store, save, label_file):
    first, second = save("mr_0", 1, "anna"), save("mr_0", 2, "ben")
    assert first.sha256 != second.sha256

    chosen = store.reviews.adjudicate(TASK, "mr_0", (1, 2), 2, reviewer="carla")
    merged = store.reviews.adjudicate(TASK, "mr_0", (1, 2), label_file(3), reviewer="carla", comment="of both")

    assert (chosen.parents, chosen.sha256, chosen.state) == ((1, 2), second.sha256, LabelState.APPROVED)
    assert (merged.parents, merged.version, merged.comment) == ((1, 2), 4, "of both")
    assert merged.path.read_bytes() == label_file(3).read_bytes()
    assert trained(store, TrainingPolicy.APPROVED) == [("mr_0", 4)]
    assert [review.verdict for review in store.reviews.history(TASK, "mr_0")] == [Verdict.ADJUDICATED] * 2


def test_adjudication_needs_two_versions_that_exist(store, save):
    save("mr_0")
    with pytest.raises(CrossLabelError, match="at least two versions"):
        store.reviews.adjudicate(TASK, "mr_0", (1, 1), 1, reviewer="carla")
    with pytest.raises(NotFoundError, match="no version 2"):
        store.reviews.adjudicate(TASK, "mr_0", (1, 2), 1, reviewer="carla")
    assert len(store.labels.history(TASK, "mr_0")) == 1
