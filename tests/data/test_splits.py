from __future__ import annotations

from pathlib import Path

import pytest

from crosslabel.data import Case, hold_back


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
