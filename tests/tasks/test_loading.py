from __future__ import annotations

import pytest
import yaml

from crosslabel.errors import NotFoundError, TaskError
from crosslabel.tasks import load_task, load_tasks

TASK = """\
schema: 1
name: organs
title: Organs
kind: segmentation
labels:
  - {name: liver, value: 1, color: "#dd8265"}
  - {name: spleen, value: 4, color: "#9d6ca2"}
domains:
  target: {name: mr, modality: MR, intensity: {rule: percentile}}
  sources:
    - {name: ct, modality: CT, intensity: {rule: window, lower: -160, upper: 240}}
spacing: [2.0, 2.0, 2.0]
patch: [32, 32, 32]
network: {name: UNet}
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "organs.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_task_file_becomes_a_task(write):
    task = load_task(write(TASK))

    assert task.label_values == {"liver": 1, "spleen": 4}
    assert task.output_names == ("background", "liver", "spleen")
    assert [domain.name for domain in task.domains.all] == ["mr", "ct"]
    assert task.spacing == (2.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        ("patch: [32, 32, 32]", "pacth: [32, 32, 32]", r"organs\.yaml: pacth: .*not known; did you mean 'patch'"),
        ("lower: -160", "lowr: -160", r"domains\.sources\.0\.intensity\.lowr: .*not known; did you mean 'lower'"),
        ("network: {name: UNet}", "", r"organs\.yaml: network: this field is missing; add it"),
        ("schema: 1", "schema: 2", r"schema: 2 is wrong: Input should be 1"),
        ("value: 4", "value: 1", r"labels: the value 1 is used twice; each label needs its own value"),
        ("value: 4", "value: 0", r"labels\.1\.value: 0 is wrong: .*greater than or equal to 1"),
        ("name: spleen", "name: liver", r"labels: the name 'liver' is used twice"),
        ("#9d6ca2", "red", r"labels\.1\.color: 'red' is wrong: a colour is written as '#rrggbb'"),
        ("modality: MR", "modality: MTR", r"domains\.target\.modality: 'MTR' is wrong: .*use one of CT, MR"),
        ("rule: percentile", "rule: percent", r"domains\.target\.intensity.*'percent'"),
        ("upper: 240", "upper: -200", r"sources\.0\.intensity.*'lower' must be below 'upper'"),
        ("value: 4", "value: 4, looks: {pet: darker}", r"labels: spleen looks: 'pet' is no domain; use mr, ct"),
        ("name: ct", "name: mr", r"two domains are called 'mr'"),
        ("spacing: [2.0, 2.0, 2.0]", "", r"spacing: a 3-D task needs the voxel size in mm"),
        ("spacing: [2.0, 2.0, 2.0]", "spacing: [2.0, 2.0]", r"spacing: 3 positive numbers in mm"),
        ("patch: [32, 32, 32]", "patch: [32, 32]", r"patch: 3 positive numbers"),
        ("patch: [32, 32, 32]", "patch: large", r"patch: 'large' is wrong"),
        ("kind: segmentation", "kind: segmentaton", r"kind: 'segmentaton' is wrong: .*'segmentation' or 'classification'"),
        ("kind: segmentation", "kind: classification", r"a classification task lists 'classes'"),
        ("spacing:", "orientation: RAA\nspacing:", r"orientation: 'RAA' names an axis twice"),
        ("network:", "read_labels: {kidney: 2}\nnetwork:", r"read_labels: 'kidney' is not a label .*'liver', 'spleen'"),
        (
            "network:",
            "read_labels: {liver: [5, 6], spleen: 5}\nnetwork:",
            r"read_labels: 5 is given to 'liver' and to 'spleen'",
        ),
        ("network:", "training: {flip_axes: [3]}\nnetwork:", r"training\.flip_axes: axes are numbered 0 to 2"),
        ("network:", "training: {seed: -1}\nnetwork:", r"training\.seed: .*greater than or equal to 0"),
        ("name: organs", "name: other", r"organs\.yaml: name: 'other' differs .*write 'name: organs'"),
        ("title: Organs", "title: Organs\ntitle: Organs again", r"the key 'title' stands twice.*line 4"),
        ("title: Organs", "title: [", r"organs\.yaml: not valid YAML"),
        (TASK, "just a sentence", r"organs\.yaml: a task file is a list of 'field: value' lines"),
    ],
)
def test_a_wrong_file_gives_one_message_with_file_field_value_and_remedy(write, line, instead, message):
    assert line in TASK
    with pytest.raises(TaskError, match=message) as caught:
        load_task(write(TASK.replace(line, instead, 1)))
    assert "\n" not in str(caught.value)


def test_files_that_are_no_text_or_do_not_exist_are_refused(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00binary")
    for name in ("binary.yaml", "missing.yaml"):
        with pytest.raises(TaskError, match=f"{name}: the task file cannot be read"):
            load_task(tmp_path / name)


def test_a_folder_gives_its_tasks_by_name_and_hidden_files_are_left_out(write, tmp_path):
    write(TASK)
    write(TASK.replace("name: organs", "name: again", 1), "again.yaml")
    write("left by macOS", "._organs.yaml")

    assert list(load_tasks(tmp_path)) == ["again", "organs"]
    assert list(load_tasks(tmp_path, ["organs"])) == ["organs"]


def test_a_task_that_is_not_there_is_answered_with_the_closest_and_all_names(write, tmp_path):
    write(TASK)
    with pytest.raises(NotFoundError, match=r"no task 'organ'; did you mean 'organs'.* Tasks here: organs"):
        load_tasks(tmp_path, ["organ"])


def test_a_folder_without_tasks_says_how_to_draft_one(tmp_path):
    with pytest.raises(TaskError, match="crosslabel task new"):
        load_tasks(tmp_path)


def test_what_a_task_dumps_loads_back_unchanged(write):
    task = load_task(write(TASK))
    write(yaml.safe_dump(task.model_dump(mode="json", by_alias=True)))
    assert load_task(write(TASK)) == task
