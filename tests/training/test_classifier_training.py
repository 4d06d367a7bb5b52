"""Training of classifiers by every policy, through the job."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image as Picture

import tiny
from backbone_training import SHORT, task, train
from crosslabel.checkpoints import ModelStore
from crosslabel.data import labelled_cases
from crosslabel.errors import CheckpointError, CrossLabelError, DataError, TaskError
from crosslabel.images import read_image
from crosslabel.inference import load_predictor
from crosslabel.tasks.building import network_of
from crosslabel.training import State, TrainingJob
from crosslabel.training.classification import ClassificationObjective
from crosslabel.training.cross_validation import cross_validate
from crosslabel.training.prepared_cases import PreparedCases

POLICIES = [
    "full",
    "head",
    {"name": "last_blocks", "blocks": 1},
    {"name": "gradual", "epochs_per_block": 1},
    {"name": "discriminative", "decay": 0.5},
    {"name": "features", "classifier": "logistic"},
    {"name": "features", "classifier": "svm"},
    {"name": "features", "classifier": "knn"},
]


@pytest.mark.parametrize(
    "policy", POLICIES, ids=lambda policy: policy if isinstance(policy, str) else "-".join(map(str, policy.values()))
)
def test_every_policy_starts_from_the_given_weights_and_learns(policy, pictures, weights, tmp_path):
    # A head on features of random filters needs larger steps than filters that are trained with it, and more of them.
    name = policy if isinstance(policy, str) else policy["name"]
    longer = {"head": {"learning_rate": 0.1, "epochs": 8}, "gradual": {"epochs": 8}}
    spec = task(policy, training={**SHORT, **longer.get(name, {})})
    store, version = train(spec, pictures, tmp_path, weights=weights)
    record = store.record(version)
    assert record["pretrained"]["from"] == "resnet18.pth"
    assert record["metrics"]["balanced accuracy"] > 0.9
    # A frozen backbone is the file's; a trained one is not.
    kept = torch.load(weights, weights_only=True)["layer1.0.conv1.weight"]
    same = torch.equal(store.load(spec).state["trunk.layer1.0.conv1.weight"], kept)
    assert same == (name in ("head", "features"))
    predictor = load_predictor(spec, store, "cpu")
    result = predictor.predict(read_image(pictures / "dark" / "3.png"))
    assert (result.best, result.calibrated) == ("dark", True)


def test_what_is_drawn_for_an_image_says_nothing_of_its_class(pictures, tmp_path):
    spec = task(augmentation={"elastic": 1.0, "mixup": 1.0}, training={**SHORT, "batch_size": 3})
    cases = PreparedCases(spec, labelled_cases(pictures, spec))
    objective = ClassificationObjective(spec, cases, cases, torch.device("cpu"))
    drawn = [objective.drawn(epoch, draw) for epoch in range(20) for draw in range(20)]
    for place in range(3):
        dark = np.array([cases.cases[indices[place]].label == "dark" for indices, _, _ in drawn])
        bent = np.array([any(change.name == "elastic" for change in changes[place]) for _, changes, _ in drawn])
        share = np.array([mix.share for _, _, mix in drawn])
        # Of 400 draws, a correlation of .2 is four standard errors from none.
        assert abs(np.corrcoef(dark, bent)[0, 1]) < 0.2
        assert abs(np.corrcoef(dark, share)[0, 1]) < 0.2


def test_without_pretrained_weights_training_is_from_scratch_and_says_so(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _no_network)
    spec = task(transfer={"weights": "IMAGENET1K_V1"}, training={**SHORT, "epochs": 1})
    events = []
    store, version = train(spec, pictures, tmp_path, on_event=events.append)
    assert store.record(version)["pretrained"]["from"] is None
    said = next(event.message for event in events if event.state is State.TRAINING)
    assert said.startswith("The weights resnet18-f37072fd.pth are not in")
    assert said.endswith("Without them the whole network is trained from scratch.")


def _no_network(*arguments, **settings):
    raise OSError("no route to host")


def test_without_pretrained_weights_nothing_that_is_random_is_frozen(pictures, tmp_path):
    store, version = train(task("head"), pictures, tmp_path)
    assert "the whole network is trained from scratch" in store.record(version)["pretrained"]["notice"]
    torch.manual_seed(task().training.seed)
    fresh = network_of(task("head")).state_dict()["trunk.layer1.0.conv1.weight"]
    assert not torch.equal(store.load(task()).state["trunk.layer1.0.conv1.weight"], fresh)
    store, version = train(task({"name": "features"}), pictures, tmp_path / "features")
    assert "random filters" in store.record(version)["pretrained"]["notice"]


def test_a_patch_that_is_too_small_for_the_network_is_named(pictures, tmp_path):
    spec = task(network={"name": "torchvision.vgg11"}, patch=[16, 16])
    with pytest.raises(TaskError, match=r"patch: torchvision\.vgg11 cannot take images of 16 x 16"):
        train(spec, pictures, tmp_path)


def test_the_checkpoint_of_another_task_is_a_source_to_start_from(pictures, tmp_path):
    source = task(name="source", classes=["bright", "dark", "other"], training={**SHORT, "epochs": 1})
    store, version = train(source, pictures, tmp_path)
    target, record = train(task("head"), pictures, tmp_path / "target", weights=version.path)
    assert target.record(record)["pretrained"] == {"from": "weights.pt", "learnt_anew": ["head.weight", "head.bias"]}
    name = "trunk.layer1.0.conv1.weight"
    torch.testing.assert_close(target.load(task("head")).state[name], store.load(source).state[name])


def test_weights_of_another_network_are_refused_before_anything_is_published(pictures, weights, tmp_path):
    spec = task(network={"name": "torchvision.resnet50", "arguments": {"cut": "layer1.0"}})
    with pytest.raises(CheckpointError, match=r"holds the weights of another network: 'trunk\.layer1\.0\.conv1\.weight'"):
        train(spec, pictures, tmp_path, weights=weights)
    assert not list((tmp_path / "models").rglob("weights.pt"))


def test_a_policy_that_needs_a_backbone_says_which_networks_are_one(pictures, tmp_path):
    spec = task("truncated", network={"name": "resnet10"})
    with pytest.raises(TaskError, match=r"'truncated' is for backbones of torchvision .*torchvision\.resnet18"):
        train(spec, pictures, tmp_path)


def test_torchvisions_weights_for_a_network_of_monai_are_refused(pictures, tmp_path):
    spec = task(network={"name": "resnet10", "arguments": {"widen_factor": 0.125}}, transfer={"weights": "DEFAULT"})
    with pytest.raises(CrossLabelError, match="'DEFAULT' are weights of torchvision and resnet10 is none of its backbones"):
        train(spec, pictures, tmp_path)


def test_an_image_of_another_kind_is_not_like_the_training_images(pictures, tmp_path):
    spec = task()
    store, version = train(spec, pictures, tmp_path)
    predictor = load_predictor(spec, store, "cpu")
    like = predictor.predict(read_image(pictures / "dark" / "1.png"))
    assert like.in_distribution
    assert like.warning == ""

    stripes = np.tile(np.array([0, 255], np.uint8), (40, 18))
    Picture.fromarray(stripes).save(tmp_path / "stripes.png")
    unlike = predictor.predict(read_image(tmp_path / "stripes.png"))
    assert not unlike.in_distribution
    assert unlike.summary()["warning"] == "This is not like anything I was trained on."
    trust = store.record(version)["trust"]
    assert trust["calibrated"]
    assert set(trust["ece"]) == {"before", "after"}


def test_costs_of_mistakes_change_the_answer_and_not_the_probabilities(pictures, tmp_path):
    spec = task(balance={"costs": {"dark": {"bright": 1e9}}})
    store, _ = train(spec, pictures, tmp_path)
    result = load_predictor(spec, store, "cpu").predict(read_image(pictures / "bright" / "1.png"))
    assert (result.best, result.decision) == ("bright", "dark")
    assert result.summary()["class"] == "dark"


def test_a_class_with_one_image_trains_and_one_with_none_is_named(pictures, tmp_path):
    folder = tiny.write_pictures(tmp_path / "pictures", 8)
    (folder / "single").mkdir()
    (folder / "bright" / "0.png").rename(folder / "single" / "0.png")
    spec = task(classes=["bright", "dark", "single", "never"], training={**SHORT, "epochs": 1})
    store, version = train(spec, folder, tmp_path)
    record = store.record(version)
    assert "single/0" in record["data"]["training"]
    assert record["never_shown"] == ["never"]
    probabilities = load_predictor(spec, store, "cpu").predict(read_image(folder / "dark" / "1.png")).probabilities
    assert len(probabilities) == 4
    assert probabilities["never"] == 0
    assert sum(probabilities.values()) == pytest.approx(1)


def test_a_split_by_image_is_refused_where_patients_are_known(pictures, tmp_path):
    rows = [f"{name}/{number}.png,{name},patient {number}" for name in ("bright", "dark") for number in range(15)]
    for name in ("bright", "dark"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for path in (pictures / name).iterdir():
            (tmp_path / "data" / name / path.name).write_bytes(path.read_bytes())
    (tmp_path / "data" / "labels.csv").write_text("image,class,patient\n" + "\n".join(rows))
    spec = task(training={**SHORT, "split_by": "image"})
    with pytest.raises(DataError, match="patient of bright/0 is known"):
        train(spec, tmp_path / "data", tmp_path)
    store, version = train(task(training={**SHORT, "epochs": 1}), tmp_path / "data", tmp_path)
    held = {name.rpartition("/")[2] for name in store.record(version)["data"]["validation"]}
    assert held
    assert held.isdisjoint(name.rpartition("/")[2] for name in store.record(version)["data"]["training"])


def test_cross_validation_answers_every_image_by_a_network_that_did_not_see_it(pictures):
    spec = task({"name": "features", "classifier": "knn"})
    found = cross_validate(spec, labelled_cases(pictures, spec), folds=3, device="cpu")
    assert sorted(found.answers.ids) == sorted(case.id for case in labelled_cases(pictures, spec))
    assert len(found.folds) == 3
    assert all(0 <= fold["balanced accuracy"] <= 1 for fold in found.folds)


def test_augmentation_and_mixing_are_resumed_to_the_same_weights(pictures, tmp_path):
    spec = task(augmentation={"elastic": 0.5, "ct_artefacts": 0.5, "cutmix": 1.0}, balance={"loss": "focal"})
    cases = labelled_cases(pictures, spec)
    states = []
    for name, stop in (("whole", None), ("stopped", 2)):
        store, epochs = ModelStore(tmp_path / name), []
        settings = {"device": "cpu", "on_event": lambda event, seen=epochs: seen.append(event.epoch)}
        if stop is not None:
            TrainingJob(
                spec, cases, store, tmp_path / f"{name}-run", cancelled=lambda seen=epochs: max(seen) >= 2, **settings
            ).run()
        TrainingJob(spec, cases, store, tmp_path / f"{name}-run", **settings).run(resume=stop is not None)
        states.append(store.load(spec).state)
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-4, atol=1e-5)


def test_pictures_in_colour_are_told_apart_by_their_colour_where_the_task_takes_three_channels(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(24):
        # Of one luma, so that grey values say nothing.
        colour = (150, 60, 30) if number % 2 else (20, 126, 30)
        picture = np.clip(rng.normal(colour, 4, (32, 32, 3)), 0, 255).astype(np.uint8)
        path = tmp_path / "pictures" / ("bright" if number % 2 else "dark") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Picture.fromarray(picture).save(path)
    domain = {"name": "photo", "modality": "XR", "channels": 3, "intensity": {"rule": "window", "lower": 0, "upper": 255}}
    training = {"epochs": 6, "steps_per_epoch": 10, "learning_rate": 0.01, "batch_size": 8, "validate_every": 6}
    spec = tiny.classification_task(domains={"target": domain}, training=training)
    store = ModelStore(tmp_path / "models")
    version = TrainingJob(spec, labelled_cases(tmp_path / "pictures", spec), store, tmp_path / "run", device="cpu").run()
    assert store.record(version)["metrics"]["balanced accuracy"] == 1.0
