from __future__ import annotations

from pathlib import Path

import pytest

from crosslabel.data import Case, hold_back, spoken_held_back, stratified_folds
from crosslabel.errors import DataError


def cases(count: int, label: str = "") -> list[Case]:
    return [Case(f"{label}{number:03d}", Path("image"), label or Path("label")) for number in range(count)]


def test_a_case_stays_on_its_side_when_others_come():
    few_train, few_held = hold_back(cases(40), 0.25)
    train, held = hold_back(cases(80), 0.25)
    assert {case.id for case in few_held} <= {case.id for case in held}
    assert {case.id for case in few_train} <= {case.id for case in train}


def test_about_the_share_asked_for_is_held_back():
    train, held = hold_back(cases(400), 0.2)
    assert len(train) + len(held) == 400
    assert len(held) == pytest.approx(80, abs=25)


def test_every_class_that_has_enough_images_is_held_back_from():
    _, held = hold_back(cases(5, "rare") + cases(100, "common"), 0.05)
    assert {case.label for case in held} == {"rare", "common"}


def test_no_class_is_held_back_alone_which_would_choose_a_network_that_always_answers_it():
    assert hold_back(cases(4, "rare") + cases(100, "common"), 0.2)[1] == []
    assert hold_back(cases(100, "common"), 0.2)[1] != []
    training, held = hold_back(cases(4, "rare") + cases(50, "a") + cases(50, "b"), 0.2)
    assert {case.label for case in held} == {"a", "b"}
    assert spoken_held_back(training, held) == "held-back cases, none of which shows rare"
    assert spoken_held_back(held, held) == "held-back cases"
    assert spoken_held_back(training, [], "images") == "nothing: too few images to hold any back"


def test_nothing_is_held_back_of_a_handful_or_where_none_is_wanted():
    assert hold_back(cases(4), 0.5)[1] == []
    assert hold_back(cases(50), 0.0)[1] == []


def of_patients(patients: int, images: int) -> list[Case]:
    return [
        Case(f"{patient}-{number}", Path("image"), Path("label"), patient=f"patient {patient}")
        for patient in range(patients)
        for number in range(images)
    ]


def test_images_of_one_patient_stay_together():
    train, held = hold_back(of_patients(40, 5), 0.3)
    assert held
    assert len(train) + len(held) == 200
    assert {case.patient for case in train}.isdisjoint({case.patient for case in held})


def test_a_patient_with_images_of_several_classes_is_not_torn_apart():
    both = [
        Case(f"{label}{number}", Path("image"), label, patient=f"patient {number}")
        for label in ("healthy", "ill")
        for number in range(30)
    ]
    train, held = hold_back(both, 0.2)
    assert held
    assert {case.patient for case in train}.isdisjoint({case.patient for case in held})


def test_many_images_of_few_patients_are_not_enough_to_hold_any_back():
    assert hold_back(of_patients(4, 50), 0.5)[1] == []


def test_another_seed_holds_back_others():
    assert hold_back(cases(40), 0.3, seed=0)[1] != hold_back(cases(40), 0.3, seed=1)[1]


def classified(sizes: dict[str, int], patients: int | None = None) -> list[Case]:
    return [
        Case(f"{name}-{number}", Path(f"{name}-{number}.png"), name, patient=patients and f"patient {number % patients}")
        for name, count in sizes.items()
        for number in range(count)
    ]


def test_folds_cover_every_case_once_and_keep_the_share_of_each_class():
    cases = classified({"rare": 11, "common": 53, "single": 1})
    folds = stratified_folds(cases, 5, seed=3)
    assert sorted(case.id for _, test in folds for case in test) == sorted(case.id for case in cases)
    for training, test in folds:
        assert {case.id for case in training}.isdisjoint(case.id for case in test)
        assert len(training) + len(test) == len(cases)
        assert sum(case.label == "rare" for case in test) in (2, 3)
        assert sum(case.label == "common" for case in test) in (10, 11)


def test_a_patients_images_lie_in_one_fold_also_when_they_are_of_several_classes():
    cases = classified({"ill": 24, "healthy": 36}, patients=12)
    for training, test in stratified_folds(cases, 4):
        assert {case.patient for case in training}.isdisjoint(case.patient for case in test)
        assert len({case.patient for case in test}) == 3


def test_another_seed_gives_other_folds():
    cases = classified({"a": 20, "b": 20})
    first, again, other = (stratified_folds(cases, 2, seed)[0][1] for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_split_by_image_is_refused_where_a_patient_is_known():
    cases = [*classified({"a": 10, "b": 10}), *classified({"c": 4}, patients=2)]
    with pytest.raises(DataError, match=r"patient of c-0 is known.*write training\.split_by: patient"):
        stratified_folds(cases, 2, by="image")
    assert len(stratified_folds(cases[:20], 2, by="image")) == 2


def test_more_folds_than_patients_are_refused():
    with pytest.raises(DataError, match="3 patients or images cannot be split into 5 folds"):
        stratified_folds(classified({"a": 20, "b": 20}, patients=3), 5)
