import nibabel as nib
import numpy as np
import pytest

from crosslabel.errors import ImageError
from crosslabel.images import Grid, read_label, write_label, write_map, writing

GRID = Grid((2, 3, 4), np.diag([-1.0, 2.0, 3.0, 1.0]))
FORMATS = [".nii", ".nii.gz", ".nrrd", ".mha"]


@pytest.mark.parametrize(
    ("highest", "lowest", "expected"),
    [
        (255, 0, np.uint8),
        (256, 0, np.int16),
        (40_000, 0, np.uint16),
        (70_000, 0, np.int32),
        (1, -1, np.int16),
    ],
)
@pytest.mark.parametrize("suffix", FORMATS)
def test_the_smallest_integer_type_that_holds_the_values_is_stored(tmp_path, suffix, highest, lowest, expected):
    values = np.full(GRID.shape, highest, dtype=np.int64)
    values[0, 0, 0] = lowest
    write_label(values, GRID, tmp_path / f"label{suffix}")
    stored, _ = read_label(tmp_path / f"label{suffix}")
    assert stored.dtype == expected
    np.testing.assert_array_equal(stored, values)


def test_a_mask_is_a_label(tmp_path):
    write_label(np.ones(GRID.shape, dtype=bool), GRID, tmp_path / "mask.nii.gz")
    assert nib.load(tmp_path / "mask.nii.gz").get_data_dtype() == np.uint8


def test_sixteen_bit_labels_fit_into_a_png(tmp_path):
    values = np.array([[0, 40_000], [7, 65_535]])
    write_label(values, Grid.of_picture(2, 2), tmp_path / "label.png")
    np.testing.assert_array_equal(read_label(tmp_path / "label.png")[0], values)


def test_missing_folders_are_made(tmp_path):
    write_label(np.zeros(GRID.shape, int), GRID, tmp_path / "labels" / "final" / "a.nii.gz")
    assert (tmp_path / "labels" / "final" / "a.nii.gz").is_file()


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_write_that_fails_leaves_the_old_label_and_nothing_else(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"label{suffix}"
    write_label(np.ones(GRID.shape, int), GRID, path)
    before = path.read_bytes()

    def full_disk(array, grid, temporary):
        temporary.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setitem(writing._VOLUME_WRITERS, suffix, full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_label(np.zeros(GRID.shape, int), GRID, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".jpg", ".mhd", ".txt", ""])
def test_formats_that_do_not_suit_labels_are_refused(tmp_path, suffix):
    with pytest.raises(ImageError, match=r"cannot be written: use a name that ends in \.nii\.gz, \.nii, \.nrrd, \.mha, \.png"):
        write_label(np.zeros(GRID.shape, int), GRID, tmp_path / f"label{suffix}")
    assert not list(tmp_path.iterdir())


def test_a_map_does_not_fit_into_a_png(tmp_path):
    with pytest.raises(ImageError, match=r"'map.png' cannot be written: use a name that ends in"):
        write_map(np.zeros((2, 2)), Grid.of_picture(2, 2), tmp_path / "map.png")


def test_another_shape_than_the_grid_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"array of \(2, 3, 5\) does not fit an image of \(2, 3, 4\)"):
        write_label(np.zeros((2, 3, 5), int), GRID, tmp_path / "label.nii.gz")


def test_probabilities_are_no_label(tmp_path):
    with pytest.raises(ImageError, match=r"A label holds whole numbers, not float64"):
        write_label(np.zeros(GRID.shape), GRID, tmp_path / "label.nii.gz")


def test_values_beyond_32_bits_are_refused(tmp_path):
    with pytest.raises(ImageError, match=r"from 0 to 4294967296 do not fit 32 bits"):
        write_label(np.array([[[0, 2**32]]]), Grid((1, 1, 2), np.eye(4)), tmp_path / "label.nii.gz")


@pytest.mark.parametrize("grid", [GRID, Grid((2, 3), np.eye(4)), Grid((2, 3), np.diag([2.0, 2.0, 1.0, 1.0]))])
def test_a_png_is_refused_where_it_would_lose_the_geometry(tmp_path, grid):
    with pytest.raises(ImageError, match=r"A PNG keeps no geometry .*: write \.nii\.gz instead"):
        write_label(np.zeros(grid.shape, int), grid, tmp_path / "label.png")
    assert not list(tmp_path.iterdir())


def test_values_that_a_png_cannot_hold_are_refused(tmp_path):
    with pytest.raises(ImageError, match="A PNG holds label values from 0 to 65535"):
        write_label(np.array([[-1, 0]]), Grid.of_picture(1, 2), tmp_path / "label.png")


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_an_oblique_plane_is_refused_by_formats_that_hold_flat_ones_only(tmp_path, suffix):
    coronal = Grid((2, 3), np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]]))
    with pytest.raises(ImageError, match=rf"lies obliquely does not fit into \{suffix}: write \.nii\.gz instead"):
        write_label(np.zeros((2, 3), int), coronal, tmp_path / f"label{suffix}")
    write_label(np.zeros((2, 3), int), coronal, tmp_path / "label.nii.gz")
    assert read_label(tmp_path / "label.nii.gz")[1].same_as(coronal)
