"""Training, evaluating and explaining a classification on the command line."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
from PIL import Image as Picture

import tiny


@pytest.fixture
def trained(crosslabel, home, tmp_path):
    pictures = tiny.write_pictures(tmp_path / "pictures", 8)
    answer = crosslabel("train", "tiny_classification", "--images", pictures, "--epochs", 2, "--device", "cpu")
    assert answer.exit_code == 0, answer.stderr
    return pictures


def test_a_trained_classifier_is_evaluated_with_a_file_of_numbers_and_a_report(crosslabel, trained, tmp_path):
    (trained / "dark" / "broken.png").write_bytes(b"no picture")
    answer = crosslabel(
        "evaluate", "tiny_classification", "--images", trained, "--json", tmp_path / "e.json", "--report", tmp_path / "e.html"
    )
    assert answer.exit_code == 0, answer.stderr
    assert "balanced accuracy" in answer.stdout
    assert "Not evaluated: dark/broken" in answer.stderr
    content = json.loads((tmp_path / "e.json").read_text())
    assert content["images"] == 16
    assert set(content["metrics"]) == {"accuracy", "balanced accuracy", "AUROC", "AUPRC", "ECE"}
    assert {"sensitivity", "specificity"} <= set(content["classes"]["dark"])
    assert sum(map(sum, content["confusion"]["true_by_answered"])) == 16
    assert content["checkpoint"] == "tiny_classification v1"
    assert list(content["failures"]) == ["dark/broken"]
    page = (tmp_path / "e.html").read_text()
    assert page.count("data:image/png;base64,") >= 7
    assert "Calibration" in page
    assert "http" not in page.replace("http-equiv", "")


def test_images_that_trained_the_checkpoint_are_counted_and_the_numbers_doubted(crosslabel, trained, tmp_path):
    tiny.write_pictures(tmp_path / "others", 2)
    for picture in (tmp_path / "others").rglob("*.png"):
        picture.rename(picture.with_name(f"other_{picture.name}"))
    answer = crosslabel("evaluate", "tiny_classification", "--images", trained, "--json", tmp_path / "e.json")
    seen = json.loads((tmp_path / "e.json").read_text())["seen_in_training"]
    # Those that were held back chose its weights and calibrated it.
    assert len(seen) == 16
    assert "16 of 16 images are called like images that the checkpoint was made with" in answer.stderr
    answer = crosslabel("evaluate", "tiny_classification", "--images", tmp_path / "others", "--json", tmp_path / "o.json")
    assert json.loads((tmp_path / "o.json").read_text())["seen_in_training"] == []
    assert "promise too much" not in answer.stderr


def test_json_without_a_file_is_printed(crosslabel, trained):
    answer = crosslabel("evaluate", "tiny_classification", "--images", trained, "--json")
    assert json.loads(answer.stdout)["task"] == "tiny_classification"


def test_what_takes_no_part_is_named_before_a_training(crosslabel, home, tmp_path):
    pictures = tiny.write_pictures(tmp_path / "pictures", 6)
    (pictures / "dark" / "moving.gif").write_bytes(b"GIF89a")
    trained = crosslabel("train", "tiny_classification", "--images", pictures, "--epochs", 1, "--device", "cpu")
    assert "dark/moving.gif is no image of a format that is read" in trained.stderr


def test_a_class_with_too_few_images_for_the_folds_is_said_with_the_fold(crosslabel, home, tmp_path):
    pictures = tiny.write_pictures(tmp_path / "pictures", 4)
    for picture in sorted((pictures / "dark").iterdir())[1:]:
        picture.unlink()
    refused = crosslabel("evaluate", "tiny_classification", "--images", pictures, "--folds", 2, "--device", "cpu")
    assert refused.exit_code == 1
    assert "of 2 cannot be trained without its images: All " in refused.stderr


def test_folds_are_trained_and_tried_and_nothing_is_published(crosslabel, home, tmp_path):
    pictures = tiny.write_pictures(tmp_path / "pictures", 6)
    answer = crosslabel("evaluate", "tiny_classification", "--images", pictures, "--folds", 2, "--json", tmp_path / "f.json")
    assert answer.exit_code == 0, answer.stderr
    content = json.loads((tmp_path / "f.json").read_text())
    assert (content["images"], len(content["folds"])) == (12, 2)
    assert not (tmp_path / "models").exists()


def test_options_that_would_be_dropped_are_refused(crosslabel, home, tmp_path):
    command = ("evaluate", "tiny_classification", "--images", tmp_path)
    report = crosslabel(*command, "--folds", 2, "--report", tmp_path / "e.html")
    assert "leave one of them out" in report.stderr
    weights = crosslabel(*command, "--weights", tmp_path / "w.pt")
    assert "give --folds too" in weights.stderr
    export = crosslabel("export", "tiny_classification", "--out", tmp_path / "model.json")
    assert "name the model itself" in export.stderr
    for option in ("--report", "--json"):
        folder = crosslabel(*command, option, tmp_path)
        assert f"{tmp_path} is a folder; give the name of the file to write" in folder.stderr
    maps = crosslabel(*command, "--predictions", tmp_path)
    assert "--predictions is for a segmentation and tiny_classification is a classification" in maps.stderr
    pictures = crosslabel("evaluate", "tiny_segmentation", "--images", tmp_path)
    assert "--images is for a classification and tiny_segmentation is a segmentation" in pictures.stderr
    assert report.exit_code == weights.exit_code == export.exit_code == 1


def test_what_training_left_out_is_said(crosslabel, home, tmp_path):
    pictures = tiny.write_pictures(tmp_path / "pictures", 8)
    (pictures / "dark" / "broken.png").write_bytes(b"no picture")
    answer = crosslabel("train", "tiny_classification", "--images", pictures, "--epochs", 1, "--device", "cpu")
    assert answer.exit_code == 0, answer.stderr
    assert "set aside: dark/broken: " in answer.stderr
    assert "trained from scratch" in answer.stderr


def test_a_classification_without_images_is_told_what_to_give(crosslabel, home):
    answer = crosslabel("evaluate", "tiny_classification")
    assert answer.exit_code == 1
    assert "give labelled images to try it on with --images DIR" in answer.stderr


def test_a_folder_of_a_class_that_the_task_lacks_is_named(crosslabel, trained):
    (trained / "grey").mkdir()
    answer = crosslabel("evaluate", "tiny_classification", "--images", trained)
    assert answer.exit_code == 1
    assert "'grey' is no class of tiny_classification" in answer.stderr


def test_explanations_lie_beside_each_other_in_the_grid_of_the_image(crosslabel, trained, tmp_path):
    images = [trained / "dark" / "0.png", trained / "bright"]
    (trained / "bright" / "0.png").unlink()
    answer = crosslabel(
        "explain", "tiny_classification", "--images", *images, "--out", tmp_path / "why", "--modality", "XR", "--json"
    )
    assert answer.exit_code == 0, answer.stderr
    content = json.loads(answer.stdout)["explanations"]
    assert sorted(content) == [str(number) for number in range(8)]
    heatmap = nib.load(tmp_path / "why" / "0.heatmap.nii.gz")
    # Columns first, as ITK stores pictures.
    assert heatmap.shape[:2] == (36, 40)
    assert Picture.open(tmp_path / "why" / "0.heatmap.png").size == (36, 40)
    assert {"insertion", "deletion"} == set(content["0"]["faithfulness"])
    assert content["0"]["answer"]["class"] in ("bright", "dark")


@pytest.mark.parametrize("method", ["gradcam++", "integrated_gradients", "occlusion"])
def test_every_method_is_offered(crosslabel, trained, tmp_path, method):
    image = trained / "dark" / "1.png"
    options = ("--method", method, "--class", "bright", "--modality", "XR")
    answer = crosslabel("explain", "tiny_classification", "--images", image, "--out", tmp_path / "why", *options)
    assert answer.exit_code == 0, answer.stderr
    assert f"{method} for bright" in answer.stdout


def test_a_segmentation_is_not_explained(crosslabel, home, tmp_path):
    answer = crosslabel("explain", "tiny_segmentation", "--images", home / "volumes" / "imagesTr", "--out", tmp_path / "why")
    assert answer.exit_code == 1
    assert "give a classification task" in answer.stderr


BAD = {
    "truncated": lambda path: path.write_bytes(_png(np.random.default_rng(0).integers(0, 255, (64, 64)))[:900]),
    "animated": lambda path: Picture.fromarray(np.zeros((8, 8), np.uint8)).save(
        path, save_all=True, append_images=[Picture.fromarray(np.full((8, 8), 9, np.uint8))]
    ),
}
GOOD = {
    "sixteen": np.arange(1600, dtype=np.uint16).reshape(40, 40) * 40,
    "rgba": np.full((40, 40, 4), 90, np.uint8),
    "palette": Picture.fromarray(np.arange(1600, dtype=np.uint8).reshape(40, 40)).convert("P"),
}


def _png(array) -> bytes:
    import io

    stream = io.BytesIO()
    Picture.fromarray(array.astype(np.uint8)).save(stream, "png")
    return stream.getvalue()


def test_odd_pictures_are_read_and_bad_ones_are_named(crosslabel, trained, tmp_path):
    images = tmp_path / "odd"
    images.mkdir()
    for name, content in GOOD.items():
        picture = content if isinstance(content, Picture.Image) else Picture.fromarray(content)
        picture.save(images / f"{name}.png")
    Picture.fromarray(np.full((40, 40), 90, np.uint8)).convert("CMYK").save(images / "cmyk.jpg")
    for name, write in BAD.items():
        write(images / f"{name}.png")
    volume = np.ones((8, 8), np.float32)
    volume[2, 3] = np.nan
    nib.save(nib.Nifti1Image(volume, np.eye(4)), images / "nan.nii.gz")
    answer = crosslabel(
        "predict", "tiny_classification", "--images", images, "--out", tmp_path / "out", "--modality", "XR", "--json"
    )
    assert answer.exit_code == 1
    content = json.loads(answer.stdout)
    assert sorted(content["predictions"]) == ["cmyk", "palette", "rgba", "sixteen"]
    assert "animated" in content["failures"]["animated"]
    assert "not a readable PNG" in content["failures"]["truncated"]
    assert "NaN" in content["failures"]["nan"]


def test_a_folder_of_one_class_cannot_be_trained_from(crosslabel, home, tmp_path):
    pictures = tiny.write_pictures(tmp_path / "pictures", 6)
    for path in (pictures / "bright").iterdir():
        path.unlink()
    answer = crosslabel("train", "tiny_classification", "--images", pictures)
    assert answer.exit_code == 1
    assert "images are labelled 'dark'; at least two classes are needed." in answer.stderr


def test_a_classifier_is_exported_with_what_it_expects(crosslabel, trained, tmp_path):
    answer = crosslabel("export", "tiny_classification", "--out", tmp_path / "model.pt")
    assert answer.exit_code == 0, answer.stderr
    content = json.loads((tmp_path / "model.json").read_text())
    assert (content["classes"], content["patch"]) == (["bright", "dark"], [32, 32])
    assert content["largest_difference"] < 1e-5
    assert "million parameters" in answer.stdout


def test_labels_go_in_and_out_by_commands(crosslabel, home, tmp_path):
    studies = tiny.write_pictures(tmp_path / "studies", 2)
    (tmp_path / "in.csv").write_text("image,class\nbright/0,bright\ndark/1,dark\n")
    options = ("tiny_classification", "--studies", studies)
    put = crosslabel("labels", "import", *options, "--source", tmp_path / "in.csv", "--author", "anna")
    assert put.exit_code == 0, put.stderr
    assert "2 labels of tiny_classification saved" in put.stdout
    assert crosslabel("labels", "export", *options, "--out", tmp_path / "out.csv").exit_code == 0
    assert (tmp_path / "out.csv").read_text().count(",anna,") == 2
    reports = crosslabel("labels", "export", *options, "--out", tmp_path / "sr", "--format", "dicom-sr")
    assert reports.exit_code == 0, reports.stderr
    found = [path.relative_to(tmp_path / "sr").as_posix() for path in (tmp_path / "sr").rglob("*.dcm")]
    assert sorted(found) == ["bright/0.dcm", "dark/1.dcm"]
    wrong = crosslabel("labels", "export", "tiny_segmentation", "--studies", studies, "--out", tmp_path / "x.csv")
    assert "is a segmentation" in wrong.stderr
