"""The stock MONAI Label client against a real server: info, next sample, inference, labels."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from server_process import tasks_of_the_tests


def same_place(first: sitk.Image, second: sitk.Image) -> bool:
    return first.GetSize() == second.GetSize() and all(
        np.allclose(getattr(first, name)(), getattr(second, name)(), atol=1e-4)
        for name in ("GetSpacing", "GetOrigin", "GetDirection")
    )


def test_info_names_segments_only_and_says_which_task_can_predict(server):
    info = server.client.info()
    assert info["labels"] == ["first", "second"]
    assert info["models"]["tiny_segmentation"]["labels"] == {"first": 2, "second": 7}
    assert info["models"]["tiny_segmentation"]["available"] is True
    untrained = info["models"]["tiny_untrained"]
    assert untrained["available"] is False
    assert "no checkpoint" in untrained["reason"]
    assert set(info["tasks"]) == set(tasks_of_the_tests())
    assert "api/v1" in info["capabilities"]


@pytest.mark.parametrize("strategy", ["random", "first"])
@pytest.mark.parametrize(
    ("task", "eligible"),
    [
        ("tiny_untrained", {"mr_0", "mr_1", "mr_2", "mr_3", "mr_series"}),
        ("tiny_classification", {"bright_0", "bright_1", "dark_0", "dark_1"}),
    ],
)
def test_next_sample_offers_only_readable_images_that_the_task_is_for(server, strategy, task, eligible):
    for name in ("task", "model"):
        sample = server.client.next_sample(strategy, {name: task})
        assert sample["id"] in eligible
        assert Path(sample["path"]).exists()


def test_many_next_samples_within_a_second_are_all_answered(server):
    assert all(server.client.next_sample("random", {})["id"] for _ in range(10))


def test_no_sample_is_left_when_all_images_of_a_task_are_labelled(server, tmp_path):
    label = tmp_path / "class.json"
    label.write_text('{"class": "bright"}')
    pictures = [study["id"] for study in server.get("/api/v1/images?task=tiny_classification").json()]
    for picture in pictures:
        server.client.save_label(picture, str(label), "final", {"task": "tiny_classification"})
    try:
        assert server.client.next_sample("random", {"model": "tiny_classification"}) == {}
        explained = server.client.next_sample("random", {"task": "tiny_classification"})
        assert "tiny_classification" in explained["detail"]
    finally:
        for picture in pictures:
            server.delete_label(picture)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
@pytest.mark.parametrize("image", ["mr_0.nii.gz", "mr_3.nrrd"])
def test_a_segmentation_lies_in_exactly_the_grid_of_its_image(server, image, suffix):
    label, params = server.client.infer("tiny_segmentation", image.split(".")[0], {"result_extension": suffix})
    assert label.endswith(suffix)
    answered = sitk.ReadImage(label)
    assert same_place(answered, sitk.ReadImage(str(server.studies / image)))
    voxels = sitk.GetArrayFromImage(answered)
    assert set(np.unique(voxels)) <= {0, 2, 7}
    for name, value in params["label_names"].items():
        assert params["volumes_ml"][name] == pytest.approx((voxels == value).sum() * 0.012, abs=1e-3)
        assert params["confidence"][name] is None or 0 < params["confidence"][name] <= 1
    assert params["checkpoint"]["name"].startswith("tiny_segmentation v")
    assert params["checkpoint"]["demonstration"] is False


def test_a_dicom_series_folder_is_segmented_like_any_study(server):
    label, _ = server.client.infer("tiny_segmentation", "mr_series", {})
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(server.studies / "mr_series")))
    answered, series = sitk.ReadImage(label), reader.Execute()
    corners = [(0, 0, 0), tuple(size - 1 for size in series.GetSize())]
    ours = sorted(answered.TransformIndexToPhysicalPoint(corner) for corner in corners)
    theirs = sorted(series.TransformIndexToPhysicalPoint(corner) for corner in corners)
    assert np.allclose(ours, theirs, atol=1e-3)


def test_an_uploaded_image_is_segmented_and_removed(server):
    image = server.studies / "mr_1.nii.gz"
    label, params = server.client.infer("tiny_segmentation", "", {"modality": "MR"}, file=str(image))
    assert same_place(sitk.ReadImage(label), sitk.ReadImage(str(image)))
    assert params["image_modality"]["evidence"] == "given"
    assert server.left_behind() == []


def test_an_image_of_a_session_is_segmented(server):
    image = server.studies / "mr_1.nii.gz"
    session = server.client.create_session(str(image))["session_id"]
    label, _ = server.client.infer("tiny_segmentation", "", {"modality": "MR"}, session_id=session)
    assert same_place(sitk.ReadImage(label), sitk.ReadImage(str(image)))


def test_a_classification_answers_every_class_with_its_uncalibrated_probability(server):
    answer = server.infer("tiny_classification", "bright_0").json()
    assert sorted(entry["label"] for entry in answer["prediction"]) == ["bright", "dark"]
    assert sum(entry["score"] for entry in answer["prediction"]) == pytest.approx(1, abs=1e-5)
    assert answer["prediction"] == sorted(answer["prediction"], key=lambda entry: -entry["score"])
    assert answer["calibrated"] is False
    assert answer["checkpoint"]["name"].startswith("tiny_classification v")
    assert set(answer["latencies"]) >= {"infer", "total"}


def test_a_saved_label_is_downloaded_as_it_was_saved(server):
    label, params = server.client.infer("tiny_segmentation", "mr_0", {})
    saved = server.client.save_label(
        "mr_0", label, "final", {"label_info": params["label_names"], "model": "tiny_segmentation"}
    )
    try:
        downloaded = sitk.ReadImage(server.client.download_label(saved["label"], "final"))
        assert same_place(downloaded, sitk.ReadImage(label))
        assert np.array_equal(sitk.GetArrayFromImage(downloaded), sitk.GetArrayFromImage(sitk.ReadImage(label)))
        studies = {study["id"]: study for study in server.get("/api/v1/images").json()}
        assert studies["mr_0"]["labelled"]
        assert server.client.datastore()["objects"]["mr_0"]["labels"]["final"]["ext"] == ".nii.gz"
        assert server.client.next_sample("first", {"model": "tiny_segmentation"})["id"] == "mr_1"
    finally:
        server.delete_label("mr_0")


def test_batch_inference_with_the_default_body_works_without_a_gpu(server):
    answer = server.post("/batch/infer/tiny_segmentation?images=unlabeled&run_sync=true")
    assert answer.status_code == 200
    assert {name for name, result in answer.json().items() if result.get("label") == name} == {
        "mr_0",
        "mr_1",
        "mr_2",
        "mr_3",
        "mr_series",
    }
    assert server.left_behind() == []
    label = server.client.download_label("mr_3", "original")
    assert same_place(sitk.ReadImage(label), sitk.ReadImage(str(server.studies / "mr_3.nrrd")))


def test_an_uploaded_study_can_be_downloaded_and_is_never_replaced(server, tmp_path):
    image = server.studies / "mr_1.nii.gz"
    added = server.client.upload_image(str(image), "mr_uploaded")
    try:
        assert added == {"image": "mr_uploaded"}
        assert server.get("/datastore/image?image=mr_uploaded").content == image.read_bytes()
        again = server.put("/datastore/image?image=mr_uploaded", files={"file": image.open("rb")})
        assert (again.status_code, "already" in again.json()["detail"]) == (409, True)
    finally:
        server.delete("/datastore/image?id=mr_uploaded")
    assert server.get("/datastore/image?image=mr_uploaded").status_code == 404


def test_a_series_is_downloaded_as_a_zip_that_can_be_sent_back(server, tmp_path):
    archive = tmp_path / "series.zip"
    archive.write_bytes(server.get("/datastore/image?image=mr_series").content)
    with archive.open("rb") as file:
        answer = server.infer("tiny_segmentation", files={"file": file}, data={"params": "{}"})
    assert answer.status_code == 200
    assert server.left_behind() == []
