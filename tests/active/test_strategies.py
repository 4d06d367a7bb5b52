"""Every strategy against its definition, and against scikit-activeml where it has the same method."""

from __future__ import annotations

import re
from typing import get_args

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from skactiveml.classifier import SklearnClassifier
from skactiveml.pool import Badge as OracleBadge
from skactiveml.pool import CoreSet as OracleCoreSet
from skactiveml.pool import TypiClust as OracleTypiClust
from skactiveml.pool import UncertaintySampling
from sklearn.linear_model import LogisticRegression

from crosslabel.active import STRATEGIES, Pool
from crosslabel.active.features import gradient_embedding
from crosslabel.active.strategies.clasp_pe import stratified_turns
from crosslabel.active.strategies.typiclust import typicality
from crosslabel.tasks.settings import StrategyName


def make_pool(n=40, labelled=6, seed=0, classes=("first", "second")):
    rng = np.random.default_rng(seed)
    names = ("entropy", "margin", "bald", "foreground", "expected_dice", "disagreement", "ensemble_variance")
    scores = {name: rng.uniform(0.01, 1, n) for name in names}
    names = ("features", "style", "appearance")
    return Pool(
        ids=[f"image {index}" for index in range(n)],
        scores=scores,
        vectors={**{name: rng.normal(size=(n, 5)) for name in names}, "gradient": rng.normal(size=(n, 8))},
        labelled={name: rng.normal(size=(labelled, 5)) for name in names} if labelled else {},
        class_names=classes,
        class_scores=rng.uniform(0.01, 1, (n, len(classes))),
    )


def select(name, pool, count, seed=0):
    return STRATEGIES[name].select(pool, count, np.random.default_rng(seed))


def indices(picks):
    return [pick.index for pick in picks]


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("labelled", [0, 1, 25])
def test_every_strategy_gives_as_many_different_images_as_are_wanted_each_with_a_sentence(name, labelled):
    pool = make_pool(labelled=labelled)
    for count in (1, 7, 40, 99):
        picks = select(name, pool, count)
        assert len(set(indices(picks))) == len(picks) == min(count, len(pool))
        assert all(pick.sentence.endswith(".") for pick in picks)
        assert all(pick.score is None or np.isfinite(pick.score) for pick in picks)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_repeats_itself_with_the_same_seed_and_works_on_a_pool_of_one(name):
    pool = make_pool()
    assert indices(select(name, pool, 9, seed=3)) == indices(select(name, pool, 9, seed=3))
    assert indices(select(name, make_pool(n=1, labelled=1), 5)) == [0]


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_works_on_images_that_are_all_the_same(name):
    pool = make_pool()
    same = Pool(
        ids=pool.ids,
        scores={key: np.full(len(pool), 0.5) for key in pool.scores},
        vectors={key: np.ones_like(value) for key, value in pool.vectors.items()},
        labelled={key: np.ones_like(value) for key, value in pool.labelled.items()},
        class_names=pool.class_names,
        class_scores=np.full_like(pool.class_scores, np.nan),
    )
    assert len(set(indices(select(name, same, 12)))) == 12


@pytest.mark.parametrize("name", STRATEGIES)
def test_an_image_that_is_alone_is_compared_with_none(name):
    for labelled in (0, 1):
        (pick,) = select(name, make_pool(n=1, labelled=labelled), 1)
        assert not re.search(r"\b0 %|\b1 similar", pick.sentence)


def test_a_group_of_one_is_not_called_a_group():
    points = np.r_[np.zeros((3, 2)), [[50.0, 50.0]]] + np.random.default_rng(0).normal(size=(4, 2))
    pool = Pool(ids=list("abcd"), vectors={"appearance": points}, batch=2)
    said = {pick.index: pick.sentence for pick in select("typiclust", pool, 4)}
    assert said[3] == "It is unlike all other images, those with a label included."
    assert any("a group of 3 similar images, none of which is labelled" in sentence for sentence in said.values())
    assert "last of a group" in list(said.values())[-1]


def test_task_files_know_exactly_these_strategies():
    assert set(get_args(StrategyName)) == {*STRATEGIES, "first"}
    assert all(strategy.title and strategy.reference for strategy in STRATEGIES.values())


@pytest.mark.parametrize(("name", "method"), [("entropy", "entropy"), ("margin", "margin_sampling")])
def test_uncertainty_picks_as_scikit_activeml_does(name, method):
    rng = np.random.default_rng(1)
    points = rng.normal(size=(60, 2))
    truth = (points[:, 0] + 0.3 * rng.normal(size=60) > 0).astype(float) + (points[:, 1] > 0.5)
    known = np.r_[np.flatnonzero(truth == 0)[:4], np.flatnonzero(truth == 1)[:4], np.flatnonzero(truth == 2)[:4]]
    labels = np.full(60, np.nan)
    labels[known] = truth[known]
    classifier = SklearnClassifier(LogisticRegression(), classes=[0, 1, 2], random_state=0).fit(points, labels)
    theirs = UncertaintySampling(method=method, random_state=0).query(points, labels, classifier, batch_size=10)
    free = np.setdiff1d(np.arange(60), known)
    p = classifier.predict_proba(points[free])
    best = np.sort(p, axis=1)
    scores = {"entropy": -(p * np.log(p)).sum(axis=1), "margin": 1 - (best[:, -1] - best[:, -2])}
    ours = select(name, Pool(ids=list(map(str, free)), scores=scores), 10)
    assert set(free[indices(ours)]) == set(theirs)


def test_core_set_picks_as_scikit_activeml_does():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(50, 4))
    labels = np.full(50, np.nan)
    labels[:5] = 0
    # The pool standardises its vectors; the oracle gets them as they are compared.
    points = (points - points.mean(axis=0)) / points.std(axis=0)
    theirs = OracleCoreSet(random_state=0).query(points, labels, batch_size=8)
    pool = Pool(ids=list(map(str, range(5, 50))), vectors={"features": points[5:]}, labelled={"features": points[:5]})
    picks = select("core_set", pool, 8)
    assert [index + 5 for index in indices(picks)] == list(theirs)
    assert picks[0].score == pytest.approx(cdist(points[5:], points[:5]).min(axis=1).max())


def test_typiclust_picks_as_scikit_activeml_does_from_clear_clusters():
    rng = np.random.default_rng(3)
    sizes, centres = (24, 17, 11, 8), np.array([[0, 0], [30, 0], [0, 30], [30, 30]])
    points = np.concatenate([centre + rng.normal(size=(size, 2)) for size, centre in zip(sizes, centres, strict=True)])
    points = (points - points.mean(axis=0)) / points.std(axis=0)
    labels = np.full(len(points), np.nan)
    labels[0] = 0
    theirs = OracleTypiClust(random_state=0).query(points, labels, batch_size=3)
    pool = Pool(ids=list(map(str, range(1, 60))), vectors={"features": points[1:]}, labelled={"features": points[:1]}, batch=3)
    assert [index + 1 for index in indices(select("typiclust", pool, 3))] == list(theirs)


def test_typicality_is_the_inverse_of_the_mean_distance_to_the_nearest():
    points = np.random.default_rng(4).normal(size=(12, 3))
    distances = np.sort(cdist(points, points), axis=1)[:, 1:6]
    assert np.allclose(typicality(points), 1 / distances.mean(axis=1), rtol=1e-4)


def test_badge_starts_as_scikit_activeml_does_and_draws_by_the_squared_distance():
    rng = np.random.default_rng(5)
    points = rng.normal(size=(14, 3))
    labels = np.full(14, np.nan)
    labels[:6] = [0, 1, 2, 0, 1, 2]
    classifier = SklearnClassifier(LogisticRegression(), classes=[0, 1, 2], random_state=0).fit(points, labels)
    p = classifier.predict_proba(points[6:])
    doubts = p - np.eye(3)[p.argmax(axis=1)]
    gradients = np.stack([gradient_embedding(point, doubt) for point, doubt in zip(points[6:], doubts, strict=True)])
    theirs, utilities = OracleBadge(random_state=0).query(points, labels, classifier, batch_size=2, return_utilities=True)
    pool = Pool(ids=list(map(str, range(8))), vectors={"gradient": gradients})
    first = select("badge", pool, 1)[0].index
    assert first + 6 == theirs[0]
    squares = ((gradients - gradients[first]) ** 2).sum(axis=1)
    # The oracle counts the origin as a centre, which the paper's own code does not.
    with_origin = np.minimum(squares, (gradients**2).sum(axis=1))
    known = np.isfinite(utilities[1][6:])
    assert np.allclose(utilities[1][6:][known], (with_origin / with_origin.sum())[known], atol=1e-5)
    seconds = [indices(select("badge", pool, 2, seed))[1] for seed in range(3000)]
    assert np.allclose(np.bincount(seconds, minlength=8) / 3000, squares / squares.sum(), atol=0.03)


@pytest.mark.parametrize(("name", "score"), [("disagreement", "disagreement"), ("committee", "ensemble_variance")])
def test_what_looks_or_versions_differ_about_most_comes_first(name, score):
    pool = make_pool()
    assert indices(select(name, pool, 40)) == np.argsort(-pool.scores[score]).tolist()


def test_bald_takes_the_highest_and_power_bald_draws_by_the_score():
    scores = np.array([0.01, 0.02, 0.4, 0.05, 0.02])
    pool = Pool(ids=list("abcde"), scores={"bald": scores})
    assert indices(select("bald", pool, 2)) == [2, 3]
    firsts = [indices(select("power_bald", pool, 1, seed))[0] for seed in range(3000)]
    assert np.allclose(np.bincount(firsts, minlength=5) / 3000, scores / scores.sum(), atol=0.03)


def test_foreground_random_prefers_images_that_show_a_structure():
    shown = np.r_[np.full(20, 0.2), np.zeros(80)]
    pool = Pool(ids=list(map(str, range(100))), scores={"foreground": shown})
    picks = [index for seed in range(60) for index in indices(select("foreground_random", pool, 10, seed))]
    share = np.mean([index < 20 for index in picks])
    assert 0.66 + 0.34 * 0.2 - 0.08 < share < 0.66 + 0.34 * 0.2 + 0.04


def test_clasp_pe_lets_the_classes_take_turns_and_leaves_a_third_to_chance():
    pool = make_pool(n=90, seed=6)
    picks = select("clasp_pe", pool, 30)
    by_class = [[name for name in pool.class_names if f"about {name}" in pick.sentence] for pick in picks]
    stratified = [names[0] for names in by_class if names]
    assert len(stratified) == round(0.66 * 30)
    assert abs(stratified.count("first") - stratified.count("second")) <= 1
    assert sum(stratified_turns(100, 0.66)) == 66
    # Noisy, but not blind: on average far above the middle.
    chosen = [pool.class_scores[pick.index].max() for pick in picks if pick.score is not None]
    assert np.mean(chosen) > pool.class_scores.max(axis=1).mean()


@pytest.mark.parametrize(("labelled", "power"), [(0, 1), (10, 1), (20, 2), (50, 5)])
def test_clasp_pe_draws_in_the_first_round_by_the_score_and_later_more_and_more_by_the_highest(labelled, power):
    scores = np.array([0.2, 0.3, 0.4, 0.25, 0.35])
    seen = {"appearance": np.zeros((labelled, 3))} if labelled else {}
    pool = Pool(ids=list("abcde"), scores={"entropy": scores}, labelled=seen, batch=10)
    firsts = [indices(select("clasp_pe", pool, 1, seed))[0] for seed in range(3000)]
    assert np.allclose(np.bincount(firsts, minlength=5) / 3000, scores**power / (scores**power).sum(), atol=0.03)


def test_a_rare_structure_gets_its_turns():
    pool = make_pool(n=60, seed=7)
    classes = pool.class_scores.copy()
    classes[:, 1] = np.nan
    classes[:3, 1] = 0.001
    rare = Pool(ids=pool.ids, scores=pool.scores, class_names=pool.class_names, class_scores=classes)
    assert {0, 1, 2} <= set(indices(select("clasp_pe", rare, 9)))


def test_domain_gap_finds_the_other_scanner():
    rng = np.random.default_rng(8)
    style = rng.normal(size=(30, 4))
    style[17] += 20
    pool = Pool(ids=list(map(str, range(30))), vectors={"style": style}, labelled={"style": rng.normal(size=(5, 4))})
    assert indices(select("domain_gap", pool, 1)) == [17]


def test_the_default_starts_with_typical_images_and_goes_on_with_unsure_ones():
    few, many = make_pool(labelled=3), make_pool(labelled=25)
    assert "typical" in select("default", few, 1)[0].sentence
    assert indices(select("default", many, 6, seed=1)) == indices(select("clasp_pe", many, 6, seed=1))
