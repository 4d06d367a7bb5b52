from __future__ import annotations

import pytest

from crosslabel.errors import CrossLabelError, NotFoundError

TASK = "abdomen"


def test_the_last_value_of_a_score_counts_and_says_which_checkpoint_gave_it(store, clock):
    store.scores.set(TASK, "entropy", {"mr_0": 0.25, "mr_1": 0.5}, "abdomen v1")
    store.scores.set(TASK, "entropy", {"mr_1": 0.125}, "abdomen v2")
    scores = store.scores.get(TASK, "entropy")
    assert {image_id: (score.value, score.checkpoint) for image_id, score in scores.items()} == {
        "mr_0": (0.25, "abdomen v1"),
        "mr_1": (0.125, "abdomen v2"),
    }
    assert scores["mr_1"].updated == clock.now


def test_scores_of_other_tasks_and_names_are_apart(store):
    store.scores.set(TASK, "entropy", {"mr_0": 1.0})
    store.scores.set(TASK, "margin", {"mr_0": 2.0})
    store.scores.set("heart", "entropy", {"mr_0": 3.0})
    assert {name: score.value for name, score in store.scores.of_image(TASK, "mr_0").items()} == {"entropy": 1.0, "margin": 2.0}
    assert store.scores.get("heart", "entropy")["mr_0"].value == 3.0


def test_one_bad_score_leaves_all_of_them_as_they_were(store):
    store.scores.set(TASK, "entropy", {"mr_0": 1.0})
    with pytest.raises(NotFoundError, match="no image 'nowhere'"):
        store.scores.set(TASK, "entropy", {"mr_0": 2.0, "nowhere": 2.0})
    with pytest.raises(CrossLabelError, match="'mr_1' is not a finite number"):
        store.scores.set(TASK, "entropy", {"mr_0": 2.0, "mr_1": float("nan")})
    assert store.scores.get(TASK, "entropy")["mr_0"].value == 1.0
