"""Training of classifiers by every policy, through the job."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image as Picture

import tiny
from crosslabel.checkpoints import ModelStore
from crosslabel.data import labelled_cases
from crosslabel.errors import CheckpointError, CrossLabelError, DataError, TaskError
from crosslabel.images import read_image
from crosslabel.inference import load_predictor
from crosslabel.networks.backbones import build_trunk
from crosslabel.tasks.building import network_of
from crosslabel.training import TrainingJob, was_stopped
from crosslabel.training.classification import ClassificationObjective
from crosslabel.training.cross_validation import cross_validate
from crosslabel.training.curves import write_curves
from crosslabel.training.prepared_cases import PreparedCases

SMALL = {"name": "torchvision.resnet18", "arguments": {"cut": "layer1"}}
SHORT = {"epochs": 3, "steps_per_epoch": 6, "batch_size": 6, "validate_every": 1, "learning_rate": 0.01}


def task(policy="full", **changes):
    return tiny.classification_task(**{"network": SMALL, "training": SHORT, "transfer": {"policy": policy}, **changes})


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return tiny.write_pictures(tmp_path_factory.mktemp("pictures"), 15)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file as torchvision's, of a whole backbone."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save({**build_trunk("resnet18", 3).state_dict(), "fc.weight": torch.zeros(1000, 512)}, path)
    return path


def train(spec, pictures, folder, **settings):
    store = ModelStore(folder / "models")
    version = TrainingJob(spec, labelled_cases(pictures, spec), store, folder / "run", device="cpu", **settings).run()
    return store, version


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


def test_the_cut_is_searched_once_and_kept_with_the_checkpoint(pictures, weights, tmp_path):
    spec = task({"name": "truncated", "search_epochs": 1}, network={"name": "torchvision.resnet18"})
    store, version = train(spec, pictures, tmp_path, weights=weights)
    record = store.record(version)
    table = record["cut_search"]["candidates"]
    assert [row["cut"] for row in table if row["cut"] in ("layer1", "layer2", "layer3", "layer4")] == [
        f"layer{number}" for number in (1, 2, 3, 4)
    ]
    assert all(row["parameters"] and row["macs"] and row["latency_ms"] for row in table)
    assert [row["parameters"] for row in table] == sorted(row["parameters"] for row in table)
    assert all(row["standard_error"] > 0 for row in table)
    best = max(table, key=lambda row: row["metric"])
    least = best["metric"] - best["standard_error"]
    # In order of parameters, so the first is the smallest.
    assert record["network_found"] == {"cut": next(row["cut"] for row in table if row["metric"] >= least)}
    page = (tmp_path / "run" / "cuts.html").read_text()
    assert all(f"<td>{row['cut']}" in page for row in table)
    assert "data:image/png;base64," in page
    write_curves(tmp_path / "run", tmp_path / "curves.html", "Curves")
    assert (tmp_path / "curves.html").read_text().count("data:image/png;base64,") == 2
    predictor = load_predictor(spec, store, "cpu")
    assert predictor.network.trunk.cut == record["network_found"]["cut"]

    again = TrainingJob(spec, labelled_cases(pictures, spec), store, tmp_path / "again", device="cpu", start_from=version).run()
    assert store.record(again)["network_found"] == record["network_found"]
    assert "cut_search" not in store.record(again)


def test_a_search_that_was_stopped_goes_on_without_training_a_cut_twice(pictures, tmp_path):
    spec = task({"name": "truncated", "search_epochs": 1}, network={"name": "torchvision.resnet18"})
    cases, store = labelled_cases(pictures, spec), ModelStore(tmp_path / "models")
    events = []

    def job(**settings):
        return TrainingJob(spec, cases, store, tmp_path / "run", device="cpu", on_event=events.append, **settings)

    assert job(cancelled=lambda: any("after layer2" in event.message for event in events)).run() is None
    assert (tmp_path / "run" / "cuts.json").is_file()
    events.clear()
    assert job().run(resume=True) is not None
    searched = [event.message for event in events if "Searching" in event.message]
    assert not any(message.endswith("after layer1.") for message in searched)
    assert any("after layer2" in message for message in searched)


def test_a_search_of_another_network_or_other_images_is_not_taken_over(pictures, tmp_path):
    def job(network, cases, **settings):
        spec = task({"name": "truncated", "search_epochs": 1}, network={"name": network})
        chosen = labelled_cases(pictures, spec)[cases]
        return TrainingJob(spec, chosen, ModelStore(tmp_path / "models"), tmp_path / "run", device="cpu", **settings)

    events = []
    stopped = job(
        "torchvision.resnet18",
        slice(None),
        on_event=events.append,
        cancelled=lambda: any("after layer2" in event.message for event in events),
    )
    assert stopped.run() is None
    assert was_stopped(tmp_path / "run")
    for network, cases in (("torchvision.resnet34", slice(None)), ("torchvision.resnet18", slice(2, None))):
        with pytest.raises(CheckpointError, match="had another network, other settings or other images"):
            job(network, cases).run(resume=True)
    assert job("torchvision.resnet18", slice(None)).run(resume=True) is not None
    assert not was_stopped(tmp_path / "run")


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
    said = next(event.message for event in events if event.message)
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


def test_volumes_are_learnt_from_their_slices(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("ill", "healthy"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(8):
            array = rng.normal(100, 10, (24, 24, 8)).astype(np.float32)
            if name == "ill":
                array[6:18, 6:18, rng.integers(8)] += 120
            nib.save(nib.Nifti1Image(array, np.diag([2.0, 2.0, 3.0, 1.0])), tmp_path / "data" / name / f"mr_{number}.nii.gz")
    spec = task(
        dimension=3,
        classes=["healthy", "ill"],
        domains={"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "zscore"}}},
        spacing=[2.0, 2.0, 3.0],
        patch=[24, 24, 8],
        augmentation={"basic": 0.3, "mr_artefacts": 0.2},
        training={**SHORT, "epochs": 6, "steps_per_epoch": 8, "batch_size": 4},
    )
    store, version = train(spec, tmp_path / "data", tmp_path)
    assert store.record(version)["metrics"]["balanced accuracy"] >= 0.5
    predictor = load_predictor(spec, store, "cpu")
    result = predictor.predict(read_image(tmp_path / "data" / "ill" / "mr_1.nii.gz"))
    assert len(result.slices) == 8
    assert result.in_distribution is not None


def test_classes_of_slices_teach_what_those_of_volumes_cannot(tmp_path):
    """Every volume has bright and dark slices, so its own class tells nothing of them."""
    rng = np.random.default_rng(0)
    lines = ["image,class,slice"]
    bright = rng.permuted(np.tile([True, False], (12, 4)), axis=1)
    for number, is_bright in enumerate(bright):
        array = rng.normal(100, 10, (24, 24, 8)) + 60 * is_bright
        nib.save(nib.Nifti1Image(array.astype(np.float32), np.diag([2.0, 2.0, 3.0, 1.0])), tmp_path / f"mr_{number:02d}.nii.gz")
        lines.append(f"mr_{number:02d}.nii.gz,{('bright', 'dark')[number % 2]},")
        lines += [f"mr_{number:02d}.nii.gz,{'bright' if is_bright[k] else 'dark'},{k}" for k in range(8)]
    spec = task(
        dimension=3,
        domains={"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "window", "lower": 50, "upper": 200}}},
        spacing=[2.0, 2.0, 3.0],
        patch=[24, 24, 8],
        training={**SHORT, "epochs": 6, "steps_per_epoch": 8, "batch_size": 4, "flip_axes": [0, 2], "validation_share": 0},
    )
    right = {}
    for taught, table in (("slices", lines), ("volumes", [line for line in lines if line.endswith((",", "slice"))])):
        (tmp_path / "labels.csv").write_text("\n".join(table))
        store, version = train(spec, tmp_path, tmp_path / taught)
        assert (store.record(version)["labelled_slices"] > 0) == (taught == "slices")
        network = load_predictor(spec, store, "cpu").network
        answers = []
        for number, is_bright in enumerate(bright):
            volume = PreparedCases(spec, labelled_cases(tmp_path, spec))[number].image
            with torch.inference_mode():
                said = network(volume.movedim(-1, 0)[..., None]).argmax(dim=1).numpy()
            answers += list((said == spec.classes.index("bright")) == is_bright)
        right[taught] = np.mean(answers)
    assert right["slices"] > 0.95
    assert right["slices"] > right["volumes"] + 0.2


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


def test_a_volume_with_a_class_for_a_slice_that_it_does_not_have_is_set_aside_and_named(tmp_path):
    for number in range(2):
        nib.save(nib.Nifti1Image(np.full((6, 6, 4), 50.0 + number, np.float32), np.eye(4)), tmp_path / f"mr_{number}.nii.gz")
    (tmp_path / "labels.csv").write_text("image,class,slice\nmr_0,dark,\nmr_0,dark,4\nmr_1,bright,\nmr_1,bright,3\n")
    domains = {"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "percentile"}}}
    spec = task(dimension=3, domains=domains, spacing=[1.0, 1.0, 1.0], patch=[6, 6, 4])
    cases = PreparedCases(spec, labelled_cases(tmp_path, spec))
    assert cases.set_aside_unusable() == {
        "mr_0": "Slice 4 is labelled dark, but the volume only has slices 0 to 3; correct the number."
    }
    assert cases[0].slices == {3: spec.classes.index("bright")}
