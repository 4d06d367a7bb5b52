"""What is read lies where the file says, and what is written lies in the same place for other readers."""

import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Picture

from crosslabel.images import read_image, read_label, write_label, write_map

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
ITK_SUFFIXES = (".nrrd", ".mha")
VOLUME_SUFFIXES = (".nii", ".nii.gz", *ITK_SUFFIXES)
MM = 2e-3

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(2, 6)
spacings = st.floats(0.3, 6.0)
origins = st.floats(-300.0, 300.0)


@st.composite
def affines(draw, shear=False):
    """Rotated, flipped, permuted and anisotropic 4x4 RAS affines; orthogonal unless sheared."""
    rotation, _ = np.linalg.qr(np.random.default_rng(draw(seeds)).normal(size=(3, 3)))
    if draw(st.booleans()):
        rotation = np.eye(3)[draw(st.permutations(range(3)))]
    flips = draw(st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3))
    axes = rotation * np.array(flips)
    if shear:
        axes = axes @ np.array([[1, draw(st.floats(-0.4, 0.4)), 0], [0, 1, draw(st.floats(-0.4, 0.4))], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = axes * draw(st.tuples(spacings, spacings, spacings))
    affine[:3, 3] = draw(st.tuples(origins, origins, origins))
    return affine


@st.composite
def plane_affines(draw):
    """Rotated, flipped and anisotropic 4x4 RAS affines of axial 2-D images."""
    angle = draw(st.floats(0.01, 2 * np.pi))
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine[:2, :2] *= draw(st.tuples(spacings, spacings))
    affine[:2, 0] *= draw(st.sampled_from((-1.0, 1.0)))
    affine[:2, 3] = draw(st.tuples(origins, origins))
    return affine


def voxels_of(shape, seed):
    return np.random.default_rng(seed).integers(0, 200, size=shape).astype(np.int16)


def save_nifti(array, affine, path):
    image = nib.Nifti1Image(array, affine)
    image.set_sform(affine, code=1)
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.allclose(axes.T @ axes, np.eye(3), atol=1e-9):
        image.set_qform(affine, code=1)
    nib.save(image, path)


def itk_affine(image):
    """RAS affine of what SimpleITK read, from where it puts the first voxel and its neighbours."""
    dimension = image.GetDimension()

    def point(index):
        return np.array(image.TransformContinuousIndexToPhysicalPoint([float(value) for value in index]))

    affine = np.eye(4)
    origin = point(np.zeros(dimension))
    for axis, step in enumerate(np.eye(dimension)):
        affine[:dimension, axis] = point(step) - origin
    affine[:dimension, 3] = origin
    return LPS @ affine


def assert_itk_geometry_equal(first, second):
    assert first.GetSize() == second.GetSize()
    np.testing.assert_allclose(first.GetSpacing(), second.GetSpacing(), rtol=1e-5)
    np.testing.assert_allclose(first.GetOrigin(), second.GetOrigin(), atol=MM)
    np.testing.assert_allclose(first.GetDirection(), second.GetDirection(), atol=1e-5)


@settings(deadline=None, max_examples=25)
@given(affine=affines(), shape=st.tuples(sizes, sizes, sizes), seed=seeds)
def test_a_label_of_a_nifti_volume_lies_in_its_grid_in_every_format(affine, shape, seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = voxels_of(shape, seed)
        save_nifti(values, affine, folder / "study.nii.gz")
        image = read_image(folder / "study.nii.gz")
        np.testing.assert_array_equal(image.array, values[np.newaxis])
        np.testing.assert_allclose(image.grid.affine, nib.load(folder / "study.nii.gz").affine, atol=1e-6)
        for suffix in VOLUME_SUFFIXES:
            write_label(values, image.grid, folder / f"label{suffix}")
            by_itk = sitk.ReadImage(folder / f"label{suffix}")
            assert_itk_geometry_equal(by_itk, sitk.ReadImage(folder / "study.nii.gz"))
            np.testing.assert_array_equal(sitk.GetArrayFromImage(by_itk).T, values)
            read_back, grid = read_label(folder / f"label{suffix}")
            np.testing.assert_array_equal(read_back, values)
            assert grid.same_as(image.grid)
        for suffix in (".nii", ".nii.gz"):
            by_nibabel = nib.load(folder / f"label{suffix}")
            np.testing.assert_allclose(by_nibabel.affine, affine, atol=MM)
            np.testing.assert_allclose(by_nibabel.get_qform(coded=True)[0], affine, atol=MM)
            np.testing.assert_array_equal(np.asarray(by_nibabel.dataobj), values)


@settings(deadline=None, max_examples=15)
@given(affine=affines(), shape=st.tuples(sizes, sizes, sizes), seed=seeds, suffix=st.sampled_from(ITK_SUFFIXES))
def test_a_label_of_an_itk_volume_lies_in_its_grid_for_nibabel(affine, shape, seed, suffix):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = voxels_of(shape, seed)
        lps = LPS @ affine
        spacing = np.linalg.norm(lps[:3, :3], axis=0)
        stored = sitk.GetImageFromArray(np.ascontiguousarray(values.T))
        stored.SetSpacing(spacing)
        stored.SetOrigin(lps[:3, 3])
        stored.SetDirection((lps[:3, :3] / spacing).ravel())
        sitk.WriteImage(stored, folder / f"study{suffix}")
        image = read_image(folder / f"study{suffix}")
        np.testing.assert_array_equal(image.array[0], values)
        write_label(values, image.grid, folder / "label.nii.gz")
        by_nibabel = nib.load(folder / "label.nii.gz")
        np.testing.assert_allclose(by_nibabel.affine, affine, atol=MM)
        np.testing.assert_array_equal(np.asarray(by_nibabel.dataobj), values)
        assert_itk_geometry_equal(sitk.ReadImage(folder / "label.nii.gz"), stored)


@settings(deadline=None, max_examples=15)
@given(affine=affines(shear=True), shape=st.tuples(sizes, sizes, sizes), seed=seeds)
def test_shears_are_kept(affine, shape, seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = voxels_of(shape, seed)
        save_nifti(values, affine, folder / "study.nii")
        image = read_image(folder / "study.nii")
        np.testing.assert_allclose(image.grid.affine, affine, atol=MM)
        write_label(values, image.grid, folder / "label.nii.gz")
        np.testing.assert_allclose(nib.load(folder / "label.nii.gz").affine, affine, atol=MM)
        for suffix in ITK_SUFFIXES:
            write_label(values, image.grid, folder / f"label{suffix}")
            np.testing.assert_allclose(itk_affine(sitk.ReadImage(folder / f"label{suffix}")), affine, atol=MM)


@settings(deadline=None, max_examples=15)
@given(affine=affines(), shape=st.tuples(sizes, sizes, sizes), channels=st.integers(2, 4), seed=seeds)
def test_the_fourth_axis_becomes_channels_and_leaves_the_grid_alone(affine, shape, channels, seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = voxels_of((*shape, channels), seed)
        save_nifti(values, affine, folder / "study.nii.gz")
        save_nifti(values[..., 0], affine, folder / "first.nii.gz")
        stored = sitk.GetImageFromArray(np.ascontiguousarray(values.transpose(2, 1, 0, 3)), isVector=True)
        stored.CopyInformation(sitk.ReadImage(folder / "first.nii.gz"))
        sitk.WriteImage(stored, folder / "components.nrrd")
        series = sitk.JoinSeries([sitk.VectorIndexSelectionCast(stored, index) for index in range(channels)])
        sitk.WriteImage(series, folder / "times.mha")
        for file in ("study.nii.gz", "components.nrrd", "times.mha"):
            image = read_image(folder / file)
            assert image.channels == channels
            np.testing.assert_array_equal(image.array, np.moveaxis(values, -1, 0))
            np.testing.assert_allclose(image.grid.affine, affine, atol=MM)
        write_label(values[..., 0], image.grid, folder / "label.nii.gz")
        assert_itk_geometry_equal(sitk.ReadImage(folder / "label.nii.gz"), sitk.ReadImage(folder / "first.nii.gz"))


@settings(deadline=None, max_examples=20)
@given(affine=plane_affines(), shape=st.tuples(sizes, sizes), seed=seeds)
def test_a_label_of_a_two_dimensional_volume_file_lies_in_its_grid(affine, shape, seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = voxels_of(shape, seed)
        save_nifti(values, affine, folder / "study.nii.gz")
        source = nib.load(folder / "study.nii.gz")
        image = read_image(folder / "study.nii.gz")
        assert image.dimension == 2
        for suffix in VOLUME_SUFFIXES:
            write_label(image.array[0].astype(int), image.grid, folder / f"label{suffix}")
            label = sitk.ReadImage(folder / f"label{suffix}")
            assert label.GetSize() == shape
            np.testing.assert_array_equal(sitk.GetArrayFromImage(label).T, values)
            np.testing.assert_allclose(itk_affine(label)[:2, [0, 1, 3]], affine[:2, [0, 1, 3]], atol=MM)
        label = nib.load(folder / "label.nii.gz")
        np.testing.assert_allclose(label.affine, source.affine, atol=MM)
        assert label.shape == source.shape


@settings(deadline=None, max_examples=15)
@given(shape=st.tuples(sizes, sizes), seed=seeds)
def test_a_label_of_a_picture_covers_it_in_every_format(shape, seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = voxels_of(shape, seed).astype(np.uint8)
        Picture.fromarray(values).save(folder / "study.png")
        image = read_image(folder / "study.png")
        np.testing.assert_array_equal(image.array, values[np.newaxis])
        for suffix in (*VOLUME_SUFFIXES, ".png"):
            write_label(values, image.grid, folder / f"label{suffix}")
            by_itk = sitk.ReadImage(folder / f"label{suffix}")
            assert_itk_geometry_equal(by_itk, sitk.ReadImage(folder / "study.png"))
            np.testing.assert_array_equal(sitk.GetArrayFromImage(by_itk), values)
            read_back, grid = read_label(folder / f"label{suffix}")
            np.testing.assert_array_equal(read_back, values)
            assert grid.same_as(image.grid)


@settings(deadline=None, max_examples=15)
@given(affine=affines(), shape=st.tuples(sizes, sizes, sizes), seed=seeds)
def test_a_voxel_has_one_place_in_the_world_whatever_the_format(affine, shape, seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        marked = np.random.default_rng(seed).integers(0, shape)
        values = np.zeros(shape, dtype=np.uint8)
        values[tuple(marked)] = 1
        save_nifti(values, affine, folder / "study.nii.gz")
        grid = read_image(folder / "study.nii.gz").grid
        place = (affine @ [*marked, 1])[:3]
        np.testing.assert_allclose(grid.world(marked), place, atol=MM)
        write_label(values, grid, folder / "label.nrrd")
        label = sitk.ReadImage(folder / "label.nrrd")
        index = np.argwhere(sitk.GetArrayFromImage(label).T)[0]
        point = label.TransformIndexToPhysicalPoint([int(value) for value in index])
        np.testing.assert_allclose(np.array(point) * [-1, -1, 1], place, atol=MM)
        np.testing.assert_allclose(read_image(folder / "label.nrrd").grid.world(index), place, atol=MM)


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_a_map_keeps_its_numbers_and_its_grid(tmp_path, suffix):
    affine = np.array([[0.0, -3.0, 0.0, 10.0], [2.0, 0.0, 0.0, -5.0], [0.0, 0.0, 4.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
    values = np.random.default_rng(1).random((3, 4, 5), dtype=np.float32)
    save_nifti(values, affine, tmp_path / "study.nii.gz")
    write_map(values, read_image(tmp_path / "study.nii.gz").grid, tmp_path / f"map{suffix}")
    stored = sitk.ReadImage(tmp_path / f"map{suffix}")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(stored).T, values)
    assert_itk_geometry_equal(stored, sitk.ReadImage(tmp_path / "study.nii.gz"))


def test_a_nifti_without_any_form_lies_where_itk_puts_it(tmp_path):
    values = voxels_of((3, 4, 5), 0)
    study = nib.Nifti1Image(values, np.eye(4))
    study.set_sform(None, code=0)
    study.set_qform(None, code=0)
    study.header["pixdim"][1:4] = [2, 3, 4]
    nib.save(study, tmp_path / "study.nii.gz")
    write_label(values, read_image(tmp_path / "study.nii.gz").grid, tmp_path / "label.nii.gz")
    label, source = (sitk.ReadImage(tmp_path / name) for name in ("label.nii.gz", "study.nii.gz"))
    assert_itk_geometry_equal(label, source)
