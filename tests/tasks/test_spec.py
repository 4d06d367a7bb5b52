from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tiny
from crosslabel.errors import ImageError, TaskError
from crosslabel.images import Modality

TWO_DOMAINS = {
    "target": {"name": "mr", "modality": "MR", "sequence": "T2", "intensity": {"rule": "percentile"}},
    "sources": [{"name": "ct", "modality": "CT", "intensity": {"rule": "window", "lower": -160, "upper": 240}}],
}


@given(hnp.arrays(np.int64, hnp.array_shapes(max_dims=3, max_side=5), elements=st.sampled_from([0, 2, 7])))
def test_label_values_become_output_channels_and_back(values):
    task = tiny.segmentation_task()
    indices = task.indices_of(values)

    assert indices.shape == values.shape
    assert set(np.unique(indices)) <= set(range(len(task.output_names)))
    assert np.array_equal(task.values_of(indices), values)


@given(hnp.arrays(np.uint8, (4, 3), elements=st.integers(0, 9)))
def test_read_labels_merges_values_and_leaves_out_what_it_does_not_name(values):
    task = tiny.segmentation_task(read_labels={"first": [1, 4], "second": 5})
    mapped = task.map_labels(values)

    for stored, translated in zip(values.flat, mapped.flat, strict=True):
        assert translated == (2 if stored in (1, 4) else 7 if stored == 5 else 0)


def test_without_a_mapping_only_the_values_of_the_task_are_accepted():
    task = tiny.segmentation_task()
    assert task.map_labels(np.array([0, 2, 7])).tolist() == [0, 2, 7]
    with pytest.raises(ImageError, match=r"holds the value 3, .*knows \[0, 2, 7\].*'read_labels'"):
        task.map_labels(np.array([0, 3]))


def test_names_from_the_data_set_come_before_the_mapping_where_they_name_a_label():
    task = tiny.segmentation_task(read_labels={"first": 9})
    assert task.map_labels(np.array([1, 3]), {1: "Second", 3: "artery"}).tolist() == [7, 0]
    assert task.map_labels(np.array([9, 3]), {9: "lesion", 3: "artery"}).tolist() == [2, 0]


@pytest.mark.parametrize(
    ("dimension", "modality", "sequence", "reason"),
    [
        (3, Modality.MR, "t2", ""),
        (3, Modality.MR, None, ""),
        (3, Modality.CT, None, ""),
        (3, None, None, ""),
        (2, Modality.CT, None, "is for 3-D images and this one is 2-D"),
        (3, Modality.MR, "FLAIR", "is for MR T2 or CT and this image is MR FLAIR"),
        (3, Modality.US, None, "is for MR T2 or CT and this image is US"),
    ],
)
def test_an_image_is_offered_only_where_dimension_and_modality_fit(dimension, modality, sequence, reason):
    answer = tiny.segmentation_task(domains=TWO_DOMAINS).eligible(dimension, modality, sequence)
    assert bool(answer) is (reason == "")
    assert reason in answer.reason


def test_the_domain_follows_from_modality_and_sequence():
    task = tiny.segmentation_task(domains=TWO_DOMAINS)
    assert task.domain_of(Modality.CT).name == "ct"
    assert task.domain_of(Modality.MR, "T2").name == "mr"
    with pytest.raises(ImageError, match="this image is MR T1"):
        task.domain_of(Modality.MR, "T1")


def test_an_unknown_modality_is_asked_for_only_where_it_matters():
    with pytest.raises(TaskError, match=r"Is this image MR T2 or CT.*--modality"):
        tiny.segmentation_task(domains=TWO_DOMAINS).domain_of(None)
    assert tiny.segmentation_task().domain_of(None).name == "mr"


def test_a_task_cannot_change_after_loading():
    task = tiny.segmentation_task()
    with pytest.raises(ValueError, match="frozen"):
        task.patch = (1, 1, 1)


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ({"dark": {"bright": -1}}, "greater than or equal to 0"),
        ({"dark": {"bright": float("inf")}}, "finite number"),
        ({"dark": {"dark": 1}}, "calling dark dark is no mistake"),
    ],
)
def test_costs_that_make_no_sense_are_refused(costs, said):
    with pytest.raises(ValueError, match=said):
        tiny.classification_task(balance={"costs": costs})
    assert tiny.classification_task(balance={"costs": {"dark": {"bright": 3, "dark": 0}}}).balance.costs["dark"]["bright"] == 3
