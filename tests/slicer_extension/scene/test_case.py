"""The case in the scene: kept segmentations, maps over the image, edits that are noticed, saved scenes."""

import zipfile

import numpy as np
import pytest
import SimpleITK as sitk

from scattered import LABELS, SHAPE, VALUES, labels_of, write

slicer = pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine, so MRML cannot be tested here")

from CrossLabelLib.client.errors import ServerError  # noqa: E402
from CrossLabelLib.scene import files  # noqa: E402
from CrossLabelLib.scene.scene import Scene  # noqa: E402


@pytest.fixture
def drawn(case, tmp_path):
    case.show_labels(tmp_path / "label.nrrd", VALUES, LABELS)
    return case


def voxels(case, path) -> np.ndarray:
    case.export(LABELS, path)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def test_only_what_a_person_changes_counts_as_an_edit(case, tmp_path):
    edits = []
    case.on_edit = lambda: edits.append(1)
    case.show_labels(tmp_path / "label.nrrd", VALUES, LABELS)
    case.start_empty(LABELS)
    case.facts()
    voxels(case, tmp_path / "back.nrrd")
    case.save_segmentation(tmp_path / "kept.seg.nrrd")
    case.restore_segmentation(tmp_path / "kept.seg.nrrd")
    assert edits == []
    content = case.segmentation.GetSegmentation()
    content.GetNthSegment(0).SetName("renamed")
    assert edits
    del edits[:]
    content.RemoveSegment(content.GetNthSegmentID(1))
    assert edits


def test_a_kept_segmentation_comes_back_with_its_names_and_overlaps(drawn, tmp_path):
    content = drawn.segmentation.GetSegmentation()
    content.GetNthSegment(0).SetName("first, renamed")
    content.AddEmptySegment("note", "a note", (1, 1, 0))
    before = drawn.facts()
    drawn.save_segmentation(tmp_path / "kept.seg.nrrd")
    drawn.clear()
    drawn.load_image(tmp_path / "image.nrrd", "again")
    drawn.restore_segmentation(tmp_path / "kept.seg.nrrd")
    assert drawn.facts() == before


def test_a_volume_of_the_persons_own_stays_in_the_scene_when_its_case_is_left(case, tmp_path):
    own = files.load_volume(tmp_path / "image.nrrd", "from the DICOM database")
    case.adopt(own)
    case.start_empty(LABELS)
    case.load_image(tmp_path / "image.nrrd", "the next case")
    downloaded = case.image
    assert slicer.mrmlScene.GetNodeByID(own.GetID()) is own
    assert case.segmentation is None
    case.adopt(own)
    assert slicer.mrmlScene.GetFirstNodeByName("the next case") is None
    assert downloaded is not own
    case.clear()
    assert case.image is None
    assert slicer.mrmlScene.GetNodeByID(own.GetID()) is own


def test_another_case_replaces_all_of_the_one_before(drawn, tmp_path):
    write(np.ones(SHAPE, np.float32), tmp_path / "map.nrrd", np.reshape([0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1], (3, 3)))
    drawn.load_further(tmp_path / "image.nrrd", "beside")
    drawn.show_map(tmp_path / "map.nrrd", "Why", 0.5, 0.0)
    drawn.load_image(tmp_path / "image.nrrd", "next")
    classes = ("vtkMRMLVolumeNode", "vtkMRMLSegmentationNode")
    assert [slicer.mrmlScene.GetNumberOfNodesByClass(name) for name in classes] == [1, 0]
    assert (drawn.image.GetName(), drawn.segmentation, drawn.overlay) == ("next", None, None)


def test_an_image_that_cannot_be_read_leaves_the_case_that_is_there(drawn, tmp_path):
    (tmp_path / "broken.nrrd").write_bytes(b"NRRD0004\nnonsense")
    with pytest.raises(ServerError, match="cannot be read"):
        drawn.load_image(tmp_path / "broken.nrrd", "broken")
    assert drawn.image.GetName() == "mr_1"
    assert np.array_equal(voxels(drawn, tmp_path / "back.nrrd"), labels_of(1))


def test_a_map_lies_on_the_image_and_is_shown_above_its_threshold(drawn, tmp_path):
    composite = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    composite.SetLayoutName("Red")
    values = np.linspace(0, 2, np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    write(values, tmp_path / "map.nii.gz", np.reshape([0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1], (3, 3)))
    drawn.show_map(tmp_path / "map.nii.gz", "Why", 0.4, 0.25)
    assert np.array_equal(files.array_of(drawn.overlay.GetImageData()), values)
    assert composite.GetForegroundVolumeID() == drawn.overlay.GetID()
    assert composite.GetForegroundOpacity() == pytest.approx(0.4)
    display = drawn.overlay.GetDisplayNode()
    assert (display.GetApplyThreshold(), display.GetLowerThreshold()) == (1, pytest.approx(0.5))
    drawn.style_map(1.0, 0.0)
    assert (composite.GetForegroundOpacity(), display.GetApplyThreshold()) == (1.0, 0)
    drawn.remove_map()
    assert (drawn.overlay, composite.GetForegroundVolumeID()) == (None, None)


@pytest.mark.parametrize(("value", "says"), [(np.nan, "not finite"), (np.inf, "not finite")])
def test_a_map_with_numbers_that_are_none_is_refused(drawn, tmp_path, value, says):
    values = np.full(SHAPE, value, np.float32)
    write(values, tmp_path / "map.nrrd", np.reshape([0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1], (3, 3)))
    with pytest.raises(ServerError, match=says):
        drawn.show_map(tmp_path / "map.nrrd", "Why", 0.5, 0.0)
    assert drawn.overlay is None


def test_a_map_of_another_image_is_refused(drawn, tmp_path):
    write(np.ones(SHAPE, np.float32), tmp_path / "map.nrrd")
    with pytest.raises(ServerError, match="elsewhere"):
        drawn.show_map(tmp_path / "map.nrrd", "Why", 0.5, 0.0)


@pytest.mark.parametrize("mirrored", [False, True])
def test_jumping_to_a_slice_shows_the_slice_of_the_file(scene, tmp_path, mirrored):
    image = write(np.zeros(SHAPE, np.float32), tmp_path / "image.nrrd", np.diag([1, 1, -1 if mirrored else 1]))
    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode")
    view.SetLayoutName("Red")
    view.SetOrientationToAxial()
    case = Scene()
    case.load_image(tmp_path / "image.nrrd", "case")
    case.jump(2, 4)
    wanted = image.TransformIndexToPhysicalPoint((2, 3, 4))[2]
    assert view.GetSliceToRAS().GetElement(2, 3) == pytest.approx(wanted)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_picture_lies_where_its_label_lies(scene, tmp_path, suffix):
    from PIL import Image as Picture

    pixels = np.zeros((40, 36), np.uint8)
    pixels[:20] = 200
    Picture.fromarray(pixels).save(tmp_path / f"picture{suffix}")
    label = np.zeros((1, 40, 36), np.uint8)
    label[0, 3:9, 20:30] = 2
    sitk.WriteImage(sitk.GetImageFromArray(label), str(tmp_path / "label.nrrd"))
    case = Scene()
    case.load_image(tmp_path / f"picture{suffix}", "picture")
    shown = files.array_of(case.image.GetImageData()).reshape(40, 36)
    assert np.abs(shown.astype(int) - pixels).max() < 10
    case.show_labels(tmp_path / "label.nrrd", VALUES, LABELS)
    assert np.array_equal(voxels(case, tmp_path / "back.nrrd"), label)


def test_a_coloured_picture_keeps_its_colours(scene, tmp_path):
    from PIL import Image as Picture

    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    Picture.fromarray(pixels).save(tmp_path / "picture.png")
    case = Scene()
    case.load_image(tmp_path / "picture.png", "picture")
    from vtk.util.numpy_support import vtk_to_numpy

    assert np.array_equal(vtk_to_numpy(case.image.GetImageData().GetPointData().GetScalars()).reshape(20, 30, 3), pixels)


def test_a_saved_scene_comes_back_with_the_case_and_its_voxels(drawn, tmp_path):
    drawn.set("case", {"task": "blobs", "case": "mr_1"})
    # What was moved after loading is sent in the file's grid all the same.
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    for node in (drawn.image, drawn.segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())
    (tmp_path / "label.nrrd").unlink()
    (tmp_path / "image.nrrd").unlink()
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "saved.mrb"), None)
    slicer.mrmlScene.Clear(False)
    # Reading the archive itself needs the application.
    with zipfile.ZipFile(tmp_path / "saved.mrb") as archive:
        archive.extractall(tmp_path / "unpacked")
    slicer.mrmlScene.SetURL(str(next((tmp_path / "unpacked").rglob("*.mrml"))))
    assert slicer.mrmlScene.Connect()
    again = Scene()
    assert again.get("case") == {"task": "blobs", "case": "mr_1"}
    assert np.array_equal(voxels(again, tmp_path / "back.nrrd"), labels_of(1))
    edits = []
    again.on_edit = lambda: edits.append(1)
    again.resume()
    again.segmentation.GetSegmentation().GetNthSegment(0).SetName("x")
    assert edits


def test_a_series_of_slices_is_read_as_one_volume_in_the_order_of_space(scene, tmp_path):
    from server_process import write_series

    case = Scene()
    case.load_image(write_series(tmp_path / "series", "MR"), "series")
    array = files.array_of(case.image.GetImageData())
    assert array.shape == (6, 20, 24)
    assert [int(slice_.mean()) for slice_ in array] == [0, 100, 200, 300, 400, 500]


def test_neighbours_with_similar_names_are_not_stacked(scene, tmp_path):
    for number in range(3):
        write(np.full((1, 4, 4), number, np.float32), tmp_path / f"slice_{number}.nrrd")
    case = Scene()
    case.load_image(tmp_path / "slice_1.nrrd", "one")
    assert case.image.GetImageData().GetDimensions() == (4, 4, 1)


def saved_scene(folder):
    assert slicer.mrmlScene.WriteToMRB(str(folder / "saved.mrb"), None)
    with zipfile.ZipFile(folder / "saved.mrb") as archive:
        archive.extractall(folder / "unpacked")
    return str(next((folder / "unpacked").rglob("*.mrml")))


def test_a_scene_that_is_added_to_the_present_one_does_not_become_the_case_in_hand(drawn, tmp_path):
    drawn.set("case", {"case": "mr_1"})
    url = saved_scene(tmp_path)
    drawn.set("case", {"case": "mr_2"})
    image, segmentation, voxels_before = drawn.image, drawn.segmentation, voxels(drawn, tmp_path / "before.nrrd")
    drawn.before_import()
    slicer.mrmlScene.SetURL(url)
    assert slicer.mrmlScene.Import()
    drawn.after_import()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 2
    assert (drawn.image, drawn.segmentation) == (image, segmentation)
    assert drawn.get("case") == {"case": "mr_2"}
    assert np.array_equal(voxels(drawn, tmp_path / "after.nrrd"), voxels_before)


def test_what_is_disowned_stays_in_the_scene_when_another_case_comes(drawn, tmp_path):
    segmentation, image = drawn.segmentation, drawn.image
    drawn.disown()
    write(np.zeros((3, 4, 4), np.float32), tmp_path / "other.nrrd")
    drawn.load_image(tmp_path / "other.nrrd", "other")
    assert drawn.segmentation is None
    for node in (segmentation, image):
        assert slicer.mrmlScene.IsNodePresent(node)
    assert drawn.image.GetName() == "other"
