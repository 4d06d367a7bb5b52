"""From a label file to segments and back: the same voxels with the same values in the image's grid, by names alone."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from scattered import LABELS, SHAPE, VALUES, labels_of, same_grid, write

slicer = pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine, so MRML cannot be tested here")

from CrossLabelLib.client.errors import ServerError  # noqa: E402
from CrossLabelLib.scene import geometry  # noqa: E402
from CrossLabelLib.scene.scene import Scene  # noqa: E402

# Every order of the axes with every sign: a scanner may store any of them.
AXES = [
    np.eye(3)[list(order)] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]
SUFFIXES = [(".nii.gz", ".nrrd"), (".nrrd", ".nii.gz"), (".mha", ".nrrd"), (".nii.gz", ".nii.gz"), (".nrrd", ".nrrd")]


def exported(case, path, labels=LABELS) -> np.ndarray:
    case.export(labels, path)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def round_trip(folder, array, direction, image_suffix, label_suffix) -> None:
    image = write(np.zeros(SHAPE, np.float32), folder / f"image{image_suffix}", direction)
    write(array, folder / f"label{label_suffix}", direction)
    case = Scene()
    case.load_image(folder / f"image{image_suffix}", "case")
    case.show_labels(folder / f"label{label_suffix}", VALUES, LABELS)
    assert np.array_equal(exported(case, folder / f"back{label_suffix}"), array)
    assert same_grid(sitk.ReadImage(str(folder / f"back{label_suffix}")), image)


@pytest.mark.parametrize("number", range(len(AXES)))
def test_every_orientation_comes_back_voxel_for_voxel_in_the_grid_of_the_file(scene, tmp_path, number):
    round_trip(tmp_path, labels_of(number), AXES[number], *SUFFIXES[number % len(SUFFIXES)])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(angles=st.tuples(*[st.floats(-180, 180)] * 3), mirrored=st.booleans(), seed=st.integers(0, 2**31))
def test_any_oblique_image_comes_back_voxel_for_voxel(scene, tmp_path, angles, mirrored, seed):
    direction = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * (1, 1, -1 if mirrored else 1)
    round_trip(tmp_path, labels_of(seed), direction, ".nii.gz", ".nrrd")


def test_segments_get_their_labels_names_colours_and_order_and_empty_ones_are_there(case, tmp_path):
    case.show_labels(tmp_path / "label.nrrd", VALUES, LABELS)
    content = case.segmentation.GetSegmentation()
    segments = [content.GetNthSegment(number) for number in range(content.GetNumberOfSegments())]
    assert [(segment.GetName(), segment.GetColor()) for segment in segments] == [
        ("first", (1, 0, 0)),
        ("middle", (0, 0, 1)),
        ("second", (0, 1, 0)),
    ]
    assert [segment.voxels for segment in case.facts().segments] == [
        int((labels_of(1) == value).sum()) for value in VALUES.values()
    ]


def test_a_label_of_no_structure_at_all_comes_back_empty(case, tmp_path):
    image = sitk.ReadImage(str(tmp_path / "label.nrrd"))
    sitk.WriteImage(image * 0, str(tmp_path / "nothing.nrrd"))
    case.show_labels(tmp_path / "nothing.nrrd", VALUES, LABELS)
    assert [segment.name for segment in case.facts().segments] == list(VALUES)
    assert not exported(case, tmp_path / "back.nrrd").any()


def test_the_order_of_the_segments_changes_no_value(case, tmp_path):
    case.show_labels(tmp_path / "label.nrrd", VALUES, LABELS)
    content = case.segmentation.GetSegmentation()
    for _ in range(2):
        content.SetSegmentIndex(content.GetNthSegmentID(0), 2)
        assert np.array_equal(exported(case, tmp_path / "back.nrrd"), labels_of(1))


def test_a_renamed_segment_is_what_its_name_says(case, tmp_path):
    case.show_labels(tmp_path / "label.nrrd", VALUES, LABELS)
    content = case.segmentation.GetSegmentation()
    names = {content.GetNthSegment(number).GetName(): content.GetNthSegment(number) for number in range(3)}
    names["first"].SetName("second")
    names["second"].SetName("first")
    array = labels_of(1)
    assert np.array_equal(exported(case, tmp_path / "back.nrrd"), np.select([array == 2, array == 7], [7, 2], 0))
    names["first"].SetName("liver")
    assert set(np.unique(exported(case, tmp_path / "back.nrrd"))) == {0, 2}


def test_an_added_segment_that_is_no_label_takes_no_voxel_from_one(case, tmp_path):
    case.show_labels(tmp_path / "label.nrrd", VALUES, LABELS)
    paint(case, "note", np.ones(SHAPE, bool))
    assert np.array_equal(exported(case, tmp_path / "back.nrrd"), labels_of(1))
    assert {segment.name: segment.voxels for segment in case.facts().segments}["note"] == np.prod(SHAPE)


def test_an_empty_label_that_was_drawn_by_hand_is_sent_with_its_own_value(case, tmp_path):
    case.start_empty(LABELS)
    drawn = labels_of(5) == 7
    paint(case, "middle", drawn)
    assert np.array_equal(exported(case, tmp_path / "back.nrrd"), 4 * drawn)


def test_overlapping_segments_are_counted_and_the_later_one_has_the_voxels(case, tmp_path):
    case.start_empty(LABELS)
    first, second = labels_of(6) > 0, labels_of(7) > 0
    paint(case, "first", first)
    paint(case, "second", second)
    facts = case.facts()
    assert [(overlap.lower, overlap.upper, overlap.voxels) for overlap in facts.overlaps] == [
        ("first", "second", int((first & second).sum()))
    ]
    assert np.array_equal(exported(case, tmp_path / "back.nrrd"), np.where(second, 7, 2 * first))
    content = case.segmentation.GetSegmentation()
    content.SetSegmentIndex(content.GetSegmentIdBySegmentName("second"), 0)
    assert np.array_equal(exported(case, tmp_path / "back.nrrd"), np.where(first, 2, 7 * second))


MOVES = {
    "shifted": np.array([[1, 0, 0, 13.7], [0, 1, 0, -4.2], [0, 0, 1, 99.0], [0, 0, 0, 1.0]]),
    "turned": np.block([[Rotation.from_euler("xyz", (20, -35, 70), degrees=True).as_matrix(), np.ones((3, 1))], [0, 0, 0, 1]]),
    "mirrored": np.diag([-1.0, 1.0, 1.0, 1.0]),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("when", ["before the labels came", "after the labels came"])
@pytest.mark.parametrize("hardened", [False, True])
def test_a_moved_image_sends_the_voxels_and_the_grid_that_it_was_loaded_with(case, tmp_path, move, when, hardened):
    def moved(*nodes):
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        transform.SetMatrixTransformToParent(geometry.to_vtk(MOVES[move]))
        for node in nodes:
            node.SetAndObserveTransformNodeID(transform.GetID())
            if hardened:
                node.HardenTransform()

    if when.startswith("before"):
        moved(case.image)
    case.show_labels(tmp_path / "label.nrrd", VALUES, LABELS)
    if when.startswith("after"):
        moved(case.image, case.segmentation)
    assert np.array_equal(exported(case, tmp_path / "back.nrrd"), labels_of(1))
    assert same_grid(sitk.ReadImage(str(tmp_path / "back.nrrd")), sitk.ReadImage(str(tmp_path / "image.nrrd")))


def test_an_image_that_was_cropped_is_not_sent(case, tmp_path):
    case.show_labels(tmp_path / "label.nrrd", VALUES, LABELS)
    case.image.SetAndObserveImageData(image_with(SHAPE[0] - 1))
    with pytest.raises(ServerError, match="cropped or resampled"):
        case.export(LABELS, tmp_path / "back.nrrd")
    assert not (tmp_path / "back.nrrd").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda image: image[:, :, 1:], "elsewhere"),
        (lambda image: shifted(image), "elsewhere"),
        (lambda image: sitk.Cast(image, sitk.sitkFloat32), "whole numbers"),
        (lambda image: image + 1, "does not name"),
    ],
    ids=["another size", "another place", "fractions", "unnamed values"],
)
def test_labels_that_do_not_fit_are_refused_and_what_is_drawn_stays(case, tmp_path, change, says):
    case.show_labels(tmp_path / "label.nrrd", VALUES, LABELS)
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    sitk.WriteImage(change(sitk.ReadImage(str(tmp_path / "label.nrrd"))), str(tmp_path / "wrong.nrrd"))
    with pytest.raises(ServerError, match=says):
        case.show_labels(tmp_path / "wrong.nrrd", VALUES, LABELS)
    assert np.array_equal(exported(case, tmp_path / "back.nrrd"), labels_of(1))
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_a_file_that_is_no_image_is_refused_and_leaves_the_scene_as_it_was(case, tmp_path):
    (tmp_path / "text.nrrd").write_text("<html>not voxels</html>")
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    with pytest.raises(ServerError, match="cannot be read"):
        case.show_labels(tmp_path / "text.nrrd", VALUES, LABELS)
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_nothing_is_left_behind_in_the_scene_by_loading_counting_and_sending(case, tmp_path):
    case.show_labels(tmp_path / "label.nrrd", VALUES, LABELS)
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    for _ in range(3):
        case.show_labels(tmp_path / "label.nrrd", VALUES, LABELS)
        case.facts()
        case.export(LABELS, tmp_path / "back.nrrd")
        case.save_segmentation(tmp_path / "kept.seg.nrrd")
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def paint(case, name: str, mask: np.ndarray) -> None:
    """Draw a segment as the segment editor does, in a layer of its own where it overlaps."""
    content = case.segmentation.GetSegmentation()
    segment_id = content.GetSegmentIdBySegmentName(name) or content.AddEmptySegment(name, name)
    matrix = geometry.grid_of(case.image).matrix
    drawn = slicer.vtkOrientedImageData()
    drawn.DeepCopy(image_of(mask.astype(np.uint8)))
    drawn.SetGeometryFromImageToWorldMatrix(geometry.to_vtk(matrix))
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(drawn, case.segmentation, segment_id)


def image_of(array: np.ndarray):
    from CrossLabelLib.scene.files import image_of

    return image_of(array)


def image_with(slices: int):
    return image_of(np.zeros((slices, *SHAPE[1:]), np.float32))


def shifted(image: sitk.Image) -> sitk.Image:
    image.SetOrigin((0.0, 0.0, 0.0))
    return image
