import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image as Picture

from crosslabel.errors import ImageError, NotFoundError
from crosslabel.images import Modality, describe_image, read_image, read_label

VALUES = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
NAMES = ["study.nii.gz", "study.nii", "study.nrrd", "study.mha"]


def save(path, values=VALUES, affine=None):
    if ".nii" in path.name:
        nib.save(nib.Nifti1Image(values, np.diag([2.0, 3.0, 4.0, 1.0]) if affine is None else affine), path)
    else:
        stored = sitk.GetImageFromArray(np.ascontiguousarray(values.T))
        stored.SetSpacing((2.0, 3.0, 4.0))
        sitk.WriteImage(stored, path)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_the_summary_agrees_with_what_is_read(tmp_path, name):
    path = save(tmp_path / name)
    summary, image = describe_image(path), read_image(path)
    assert summary.shape == image.grid.shape == (3, 4, 5)
    assert summary.spacing == image.grid.spacing == pytest.approx((2.0, 3.0, 4.0))
    assert (summary.dimension, summary.channels, image.source) == (3, 1, path)


def test_the_summary_does_not_need_the_voxels(tmp_path):
    path = save(tmp_path / "study.nii")
    path.write_bytes(path.read_bytes()[:352])
    assert describe_image(path).shape == (3, 4, 5)
    with pytest.raises(ImageError, match=r"'study.nii' is not a readable NIfTI file"):
        read_image(path)


def test_the_scaling_slope_is_applied(tmp_path):
    stored = nib.Nifti1Image(VALUES, np.eye(4))
    stored.header.set_slope_inter(0.5, -10)
    nib.save(stored, tmp_path / "study.nii.gz")
    expected = nib.load(tmp_path / "study.nii.gz").get_fdata()
    np.testing.assert_allclose(read_image(tmp_path / "study.nii.gz").array[0], expected)


def test_a_colour_nifti_has_three_channels(tmp_path):
    colours = np.zeros((2, 3, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    colours["G"] = 7
    nib.save(nib.Nifti1Image(colours, np.eye(4)), tmp_path / "colour.nii.gz")
    image = read_image(tmp_path / "colour.nii.gz")
    assert [set(channel.ravel()) for channel in image.array] == [{0.0}, {7.0}, {0.0}]


@pytest.mark.parametrize("function", [read_image, read_label, describe_image])
@pytest.mark.parametrize("name", NAMES)
def test_text_that_is_called_an_image_is_refused(tmp_path, name, function):
    (tmp_path / name).write_text("hello, this is no image at all\n\n" * 40)
    with pytest.raises(ImageError, match=rf"^'{name}' is not a readable \w+ file \(.*\): export it again\.$"):
        function(tmp_path / name)


@pytest.mark.parametrize("function", [read_image, read_label, describe_image])
@pytest.mark.parametrize("name", [*NAMES, "study.png", "study.dcm", "study.zip"])
def test_an_empty_file_is_refused(tmp_path, name, function):
    (tmp_path / name).touch()
    with pytest.raises(ImageError, match=rf"^'{name}' is empty: export or upload it again\.$"):
        function(tmp_path / name)


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_file_is_refused(tmp_path, name):
    noise = np.random.default_rng(0).integers(-999, 999, (20, 20, 20)).astype(np.int16)
    path = save(tmp_path / name, noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(ImageError, match=rf"^'{name}' is not a readable \w+ file"):
        read_image(path)


def test_a_damaged_gzip_is_refused(tmp_path):
    path = save(tmp_path / "study.nii.gz", np.random.default_rng(0).integers(0, 999, (20, 20, 20)).astype(np.int16))
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"'study.nii.gz' is not a readable NIfTI file"):
        read_image(path)


def test_a_header_that_claims_more_than_can_be_read_is_refused(tmp_path):
    path = save(tmp_path / "study.nii")
    content = bytearray(path.read_bytes())
    content[42:48] = np.array([30000] * 3, dtype="<i2").tobytes()
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"claims 30000 x 30000 x 30000 voxels, .*: crop or downsample it"):
        read_image(path)


@pytest.mark.parametrize(("value", "count"), [(np.nan, 2), (np.inf, 3), (-np.inf, 1)])
def test_voxels_that_are_not_numbers_are_counted(tmp_path, value, count):
    values = VALUES.astype(np.float32)
    values.ravel()[:count] = value
    path = save(tmp_path / "study.nii.gz", values)
    with pytest.raises(ImageError, match=rf"'study.nii.gz' has {count} of 60 voxels that are NaN or infinite"):
        read_image(path)


@pytest.mark.parametrize(
    "affine",
    [
        np.diag([0.0, 1.0, 1.0, 1.0]),
        np.array([[1.0, 1.0, 0, 0], [1.0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]),
        np.diag([np.nan, 1.0, 1.0, 1.0]),
    ],
)
def test_a_degenerate_affine_is_refused(tmp_path, affine):
    stored = nib.Nifti1Image(VALUES, np.eye(4))
    stored.header.set_sform(affine, code=1)
    # The affine given last wins on saving, so the header is written as it stands.
    stored = nib.Nifti1Image(VALUES, None, stored.header)
    nib.save(stored, tmp_path / "study.nii")
    for function in (read_image, describe_image):
        with pytest.raises(ImageError, match=r"'study.nii' has a degenerate affine .*: export it again"):
            function(tmp_path / "study.nii")


def test_five_axes_are_refused(tmp_path):
    path = save(tmp_path / "study.nii", np.zeros((2, 2, 2, 3, 4), np.uint8))
    with pytest.raises(ImageError, match=r"'study.nii' has 5 axes: give one volume"):
        read_image(path)


def test_complex_numbers_are_refused(tmp_path):
    path = save(tmp_path / "study.nii", VALUES.astype(np.complex64))
    with pytest.raises(ImageError, match=r"'study.nii' holds complex numbers: save their magnitude"):
        read_image(path)


def test_something_that_does_not_exist_is_named_without_its_folder(tmp_path):
    for function in (read_image, read_label, describe_image):
        with pytest.raises(NotFoundError, match=r"^'nowhere\.nii\.gz' does not exist: check the name\.$"):
            function(tmp_path / "nowhere.nii.gz")


def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path):
    (tmp_path / "study.docx").write_text("x" * 300)
    with pytest.raises(ImageError, match=r"'study.docx' is in no known format: give \.nii\.gz.* or a DICOM folder"):
        read_image(tmp_path / "study.docx")


@pytest.mark.parametrize("target", ["/etc/hostname", "../secret.raw", "LIST"])
@pytest.mark.parametrize("name", ["study.mhd", "study.nrrd"])
def test_a_header_cannot_send_the_reader_to_other_files(tmp_path, name, target):
    (tmp_path / "secret.raw").write_bytes(bytes(60))
    folder = tmp_path / "studies"
    folder.mkdir()
    (folder / "LIST").write_text("../secret.raw")
    headers = {
        "study.mhd": "ObjectType = Image\nNDims = 3\nDimSize = 3 4 5\nElementType = MET_UCHAR\n"
        f"ElementSpacing = 1 1 1\nElementDataFile = {target}\n",
        "study.nrrd": "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 3 4 5\nencoding: raw\nendian: little\n"
        f"data file: {target}\n",
    }
    (folder / name).write_text(headers[name])
    with pytest.raises(ImageError, match=rf"'{name}' keeps its voxels in a file that is not beside it"):
        read_image(folder / name)


def test_a_metaimage_with_its_voxels_beside_it_is_read(tmp_path):
    save(tmp_path / "study.mhd")
    np.testing.assert_array_equal(read_image(tmp_path / "study.mhd").array[0], VALUES)


def test_label_values_kept_as_floating_point_come_back_as_integers(tmp_path):
    path = save(tmp_path / "label.nii.gz", VALUES.astype(np.float32))
    values, _ = read_label(path)
    assert values.dtype.kind == "i"
    np.testing.assert_array_equal(values, VALUES)


def test_values_between_whole_numbers_are_no_label(tmp_path):
    path = save(tmp_path / "label.nii.gz", VALUES.astype(np.float32) / 2)
    with pytest.raises(ImageError, match=r"'label.nii.gz' holds values that are not whole numbers"):
        read_label(path)


def test_a_label_of_several_channels_is_refused(tmp_path):
    path = save(tmp_path / "label.nii.gz", np.zeros((2, 3, 4, 2), np.uint8))
    with pytest.raises(ImageError, match=r"'label.nii.gz' has 2 channels: give a label with one value per voxel"):
        read_label(path)


def test_a_fourth_axis_of_size_one_is_no_channel_axis(tmp_path):
    path = save(tmp_path / "label.nii.gz", VALUES[..., np.newaxis])
    np.testing.assert_array_equal(read_label(path)[0], VALUES)


def test_what_the_caller_says_overrides_the_file(tmp_path):
    path = save(tmp_path / "case_t1c.nii.gz")
    assert read_image(path).sequence == "T1c"
    image = read_image(path, modality="mri", sequence="T2")
    assert (image.modality, image.sequence, image.evidence) == (Modality.MR, "T2", "given")
    image = read_image(path, modality=Modality.CT)
    assert (image.modality, image.sequence) == (Modality.CT, None)


def test_what_slicer_draws_on_a_picture_is_a_label_of_that_picture(tmp_path):
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    Picture.fromarray(pixels).save(tmp_path / "study.png")
    drawn = sitk.GetImageFromArray(pixels[np.newaxis])
    sitk.WriteImage(drawn, tmp_path / "label.nii.gz")
    values, grid = read_label(tmp_path / "label.nii.gz", dimension=2)
    np.testing.assert_array_equal(values, pixels)
    assert grid.same_as(read_image(tmp_path / "study.png").grid)
    assert read_label(tmp_path / "label.nii.gz")[0].shape == (4, 3, 1)


def test_a_given_sequence_means_an_mr(tmp_path):
    image = read_image(save(tmp_path / "study.nii.gz"), sequence="FLAIR")
    assert (image.modality, image.sequence) == (Modality.MR, "FLAIR")


def test_a_given_modality_has_to_exist(tmp_path):
    with pytest.raises(ImageError, match="'tomato' is not a modality"):
        read_image(save(tmp_path / "study.nii.gz"), modality="tomato")
