from __future__ import annotations

import json
import math

import pytest

from crosslabel.evaluation import Agreement, CaseScores, Evaluation, Presence

GOOD = Agreement(0.9, 1.0, 2.0, Presence.BOTH)
FAIR = Agreement(0.7, 3.0, 5.0, Presence.BOTH)
MISSED = Agreement(0.0, math.nan, math.nan, Presence.REFERENCE_ONLY)
INVENTED = Agreement(0.0, math.nan, math.nan, Presence.PREDICTION_ONLY)
ABSENT = Agreement(1.0, math.nan, math.nan, Presence.NEITHER)


def evaluation(*scores: Agreement) -> Evaluation:
    return Evaluation("task", tuple(CaseScores(str(index), {"liver": one}) for index, one in enumerate(scores)))


def test_a_missed_structure_lowers_the_mean_dice_and_is_left_out_of_the_distances():
    summary = evaluation(GOOD, FAIR, MISSED).summary("liver")

    assert summary.dice.mean == pytest.approx((0.9 + 0.7 + 0.0) / 3)
    assert summary.dice.count == 3
    assert summary.assd_mm.mean == pytest.approx(2.0)
    assert summary.assd_mm.sd == pytest.approx(math.sqrt(2.0))
    assert summary.assd_mm.count == 2


def test_cases_without_a_distance_are_counted_by_their_reason():
    summary = evaluation(GOOD, MISSED, INVENTED, INVENTED, ABSENT).summary("liver")
    assert (summary.missed, summary.invented, summary.absent) == (1, 2, 1)


def test_one_case_has_a_mean_and_no_deviation():
    dice = evaluation(GOOD).summary("liver").dice
    assert dice.mean == pytest.approx(0.9)
    assert math.isnan(dice.sd)


def test_the_mean_dice_weighs_labels_alike():
    both = Evaluation("task", (CaseScores("a", {"liver": GOOD, "spleen": FAIR}),))
    assert both.mean_dice == pytest.approx(0.8)


def test_json_holds_null_where_a_number_does_not_exist():
    content = json.loads(json.dumps(evaluation(MISSED).as_json(), allow_nan=False))

    assert content["labels"]["liver"]["assd_mm"] == {"mean": None, "sd": None, "count": 0}
    assert content["cases"][0]["labels"]["liver"]["presence"] == "reference only"
