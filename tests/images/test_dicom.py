import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset

from crosslabel.errors import ImageError
from crosslabel.images import Modality, describe_image, dicom_source, read_image, write_label

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
DIGITAL_X_RAY = "1.2.840.10008.5.1.4.1.1.1.1"
REAL_SERIES = Path("../shared/data/totalseg/ct_dicom")
EVEN = [(-10.0, 20.0, 2.5 * number) for number in range(6)]


def by_gdcm(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def assert_as_itk_reads(image, stored):
    np.testing.assert_array_equal(image.array[0], sitk.GetArrayFromImage(stored).T)
    for index in (np.zeros(3), np.array(stored.GetSize()) - 1.0, np.array([1.0, 2.0, 3.0])):
        place = (LPS @ [*stored.TransformContinuousIndexToPhysicalPoint(index), 1])[:3]
        np.testing.assert_allclose(image.grid.world(index), place, atol=1e-3)


def zipped(folder, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"export/series/{file.name}")
    return path


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (0.6, 0.8, 0, 0.8, -0.6, 0)])
def test_a_series_is_stacked_by_position_whatever_its_files_are_called(tmp_path, ct_series, orientation):
    normal = np.cross(orientation[:3], orientation[3:])
    positions = [np.array([-10.0, 20.0, 5.0]) + 2.5 * number * normal for number in range(6)]
    folder = ct_series(tmp_path / "ct", positions, orientation=orientation)
    image = read_image(folder)
    assert_as_itk_reads(image, by_gdcm(folder))
    assert image.array.shape == (1, 7, 5, 6)
    assert image.grid.spacing == pytest.approx((0.8, 0.5, 2.5))
    assert (image.array[0, 0, 0] == np.arange(6) * 100 - 1024).all()
    assert (image.modality, image.evidence) == (Modality.CT, "DICOM header")


def test_the_real_series_has_hounsfield_units_and_the_geometry_of_its_headers():
    if not REAL_SERIES.is_dir():
        pytest.skip("the real DICOM series is not on this machine")
    image = read_image(REAL_SERIES)
    assert_as_itk_reads(image, by_gdcm(REAL_SERIES))
    assert image.modality is Modality.CT
    assert image.array.min() == pytest.approx(-1024, abs=30)
    assert 500 < image.array.max() < 4000
    summary = describe_image(REAL_SERIES)
    assert (summary.shape, summary.spacing) == (image.grid.shape, image.grid.spacing)


def test_a_zip_reads_as_its_folder_and_leaves_nothing_behind(tmp_path, ct_series, monkeypatch):
    folder = ct_series(tmp_path / "ct", EVEN)
    archive = zipped(folder, tmp_path / "ct.zip")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    image = read_image(archive)
    np.testing.assert_array_equal(image.array, read_image(folder).array)
    assert image.grid.same_as(read_image(folder).grid)
    assert describe_image(archive) == describe_image(folder)
    assert list(scratch.iterdir()) == []


def test_names_inside_a_zip_lead_nowhere(tmp_path, ct_series):
    folder = ct_series(tmp_path / "ct", EVEN)
    archive = tmp_path / "inner" / "evil.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as packed:
        for number, file in enumerate(sorted(folder.iterdir())):
            packed.write(file, f"../../escaped{number}.dcm")
    before = sorted(tmp_path.rglob("*"))
    assert read_image(archive).array.shape == (1, 7, 5, 6)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("limit", "value"), [("MAX_MEMBERS", 5), ("MAX_UNPACKED_BYTES", 3000)])
def test_a_zip_beyond_the_limits_is_refused(tmp_path, ct_series, monkeypatch, limit, value):
    archive = zipped(ct_series(tmp_path / "ct", EVEN), tmp_path / "ct.zip")
    monkeypatch.setattr(dicom_source, limit, value)
    with pytest.raises(ImageError, match=r"'ct.zip' would unpack to 6 files .*: give one series"):
        read_image(archive)


def test_a_zip_with_a_password_is_refused(tmp_path, ct_series):
    archive = zipped(ct_series(tmp_path / "ct", EVEN), tmp_path / "ct.zip")
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag of encryption in the first central directory entry
    archive.write_bytes(content)
    with pytest.raises(ImageError, match=r"'ct.zip' is locked with a password: give a zip without one"):
        read_image(archive)


def test_a_tilted_gantry_keeps_its_shear(tmp_path, ct_series):
    positions = [(-10.0, 20.0 + 0.7 * number, 2.5 * number) for number in range(6)]
    image = read_image(ct_series(tmp_path / "ct", positions))
    for number, position in enumerate(positions):
        np.testing.assert_allclose(image.grid.world([0, 0, number]), LPS[:3, :3] @ position, atol=1e-6)
    write_label(image.array[0].astype(int), image.grid, tmp_path / "label.nrrd")
    label = sitk.ReadImage(tmp_path / "label.nrrd")
    np.testing.assert_allclose(label.TransformIndexToPhysicalPoint((0, 0, 5)), positions[5], atol=1e-3)


def test_two_series_in_a_folder_are_named_without_the_patient(tmp_path, ct_series):
    ct_series(tmp_path / "ct", EVEN, series="1.2.3", SeriesDescription="portal venous")
    ct_series(tmp_path / "ct", EVEN[:2], series="1.2.4", SeriesDescription="")
    expected = (
        r"^'ct' holds 2 DICOM series: 'portal venous' \(files: 6\), 'no description' \(files: 2\); "
        r"give each its own folder or zip\.$"
    )
    with pytest.raises(ImageError, match=expected):
        read_image(tmp_path / "ct")
    with pytest.raises(ImageError, match=expected):
        describe_image(tmp_path / "ct")


def test_a_missing_slice_is_noticed(tmp_path, ct_series):
    folder = ct_series(tmp_path / "ct", [position for position in EVEN if position[2] != 5.0])
    with pytest.raises(ImageError, match=r"missing or unevenly spaced \(gaps 2.50 to 5.00 mm\)"):
        read_image(folder)


def test_a_missing_slice_among_many_is_noticed(tmp_path, ct_series):
    positions = [(0.0, 0.0, float(number)) for number in range(40) if number != 1]
    with pytest.raises(ImageError, match=r"missing or unevenly spaced"):
        describe_image(ct_series(tmp_path / "ct", positions))


def test_several_time_points_at_one_position_are_refused(tmp_path, ct_series):
    with pytest.raises(ImageError, match=r"several DICOM images at one position .*: give one volume at a time"):
        read_image(ct_series(tmp_path / "ct", [*EVEN, EVEN[2]]))


def test_a_localiser_among_the_slices_is_refused(tmp_path, ct_series):
    folder = ct_series(tmp_path / "ct", EVEN)
    scout = ct_series(tmp_path / "scout", EVEN[:1], orientation=(0, 1, 0, 0, 0, -1))
    next(scout.iterdir()).rename(folder / "scout")
    with pytest.raises(ImageError, match=r"mixes slices of different size or direction .*: keep one stack only"):
        read_image(folder)


def test_reports_and_other_files_beside_the_slices_are_passed_over(tmp_path, ct_series, dicom_file):
    folder = ct_series(tmp_path / "ct", EVEN)
    (folder / "notes.txt").write_text("not DICOM")
    (folder / ".DS_Store").write_bytes(b"x" * 200)
    report = dicom_file(folder / "report.dcm", np.zeros((2, 2), np.uint8), series="9.9", Modality="SR")
    text = report.read_bytes()
    # Without Rows (0028,0010) it is a DICOM object that holds no image.
    report.write_bytes(text.replace(b"\x28\x00\x10\x00US\x02\x00\x02\x00", b""))
    assert read_image(folder).array.shape == (1, 7, 5, 6)


def test_a_folder_without_dicom_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match=r"'empty' holds no DICOM image that can be read"):
        read_image(tmp_path / "empty")


def test_a_slice_cut_short_is_refused(tmp_path, ct_series):
    folder = ct_series(tmp_path / "ct", EVEN)
    victim = sorted(folder.iterdir())[2]
    victim.write_bytes(victim.read_bytes()[:-40])
    with pytest.raises(ImageError, match=r"pixels of 'ct' cannot be decoded"):
        read_image(folder)


def test_a_text_file_that_is_called_zip_is_refused(tmp_path):
    (tmp_path / "study.zip").write_text("hello")
    with pytest.raises(ImageError, match=r"'study.zip' is not a readable zip"):
        read_image(tmp_path / "study.zip")


def test_a_zip_whose_content_is_damaged_is_refused(tmp_path, ct_series):
    archive = zipped(ct_series(tmp_path / "ct", EVEN), tmp_path / "ct.zip")
    content = bytearray(archive.read_bytes())
    content[60:300] = bytes(240)
    archive.write_bytes(content)
    with pytest.raises(ImageError, match=r"'ct.zip'"):
        read_image(archive)


def test_a_radiograph_is_two_dimensional_as_a_picture_is(tmp_path, dicom_file):
    pixels = np.arange(20, dtype=np.uint16).reshape(4, 5)
    path = dicom_file(tmp_path / "chest.dcm", pixels, sop_class=DIGITAL_X_RAY, Modality="DX", ImagerPixelSpacing=[0.2, 0.1])
    image = read_image(path)
    np.testing.assert_array_equal(image.array, pixels[np.newaxis])
    assert image.grid.spacing == pytest.approx((0.2, 0.1))
    assert (image.dimension, image.modality, image.evidence) == (2, Modality.XR, "DICOM header")
    stored = sitk.ReadImage(path)
    place = stored.TransformIndexToPhysicalPoint((4, 3, 0))
    np.testing.assert_allclose(image.grid.world([3, 4]), LPS[:3, :3] @ place, atol=1e-6)


def test_bone_is_bright_in_both_photometric_interpretations(tmp_path, dicom_file):
    pixels = np.arange(20, dtype=np.uint8).reshape(4, 5)
    path = dicom_file(tmp_path / "x.dcm", 255 - pixels, Modality="CR", PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read_image(path).array[0], pixels)


def test_a_colour_ultrasound_becomes_grey(tmp_path, dicom_file):
    grey = np.arange(20, dtype=np.uint8).reshape(4, 5)
    path = dicom_file(tmp_path / "us.dcm", np.repeat(grey[..., np.newaxis], 3, axis=2), Modality="US")
    image = read_image(path)
    np.testing.assert_allclose(image.array[0], grey, atol=0.5)
    assert image.modality is Modality.US


def test_a_cine_without_positions_is_refused(tmp_path, dicom_file):
    path = dicom_file(tmp_path / "cine.dcm", np.zeros((3, 4, 5), np.uint8), Modality="US", NumberOfFrames=3)
    with pytest.raises(ImageError, match=r"3 DICOM images without a position in space: give one image at a time"):
        read_image(path)


def test_a_single_slice_with_a_position_is_a_volume_of_one(tmp_path, ct_series):
    folder = ct_series(tmp_path / "ct", EVEN[:1])
    image = read_image(folder)
    assert image.array.shape == (1, 7, 5, 1)
    assert image.grid.spacing == pytest.approx((0.8, 0.5, 2.5))


def test_frames_of_an_enhanced_file_are_put_in_the_order_of_their_position(tmp_path, dicom_file):
    order = [2, 0, 3, 1]
    frames = np.stack([np.full((4, 5), 10 * number, dtype=np.int16) for number in order])
    orientation, measures, shared = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.8], 3
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    groups = []
    for number in order:
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, 3.0 * number]
        group.PlanePositionSequence = [position]
        groups.append(group)
    path = dicom_file(
        tmp_path / "enhanced.dcm",
        frames,
        sop_class="1.2.840.10008.5.1.4.1.1.4.1",
        Modality="MR",
        NumberOfFrames=4,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=groups,
    )
    image = read_image(path)
    np.testing.assert_array_equal(image.array[0, 0, 0], [0, 10, 20, 30])
    np.testing.assert_allclose(image.grid.affine, np.diag([-0.8, -0.5, 3.0, 1.0]))


def test_slices_may_differ_in_their_rescale_slope(tmp_path, dicom_file):
    slopes = (1, 0.25)
    for number, slope in enumerate(slopes):
        dicom_file(
            tmp_path / f"{number}.dcm",
            np.full((2, 3), 5, dtype=np.int16),
            sop_class="1.2.840.10008.5.1.4.1.1.128",
            Modality="PT",
            ImagePositionPatient=[0, 0, number],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[1, 1],
            RescaleSlope=slope,
            RescaleIntercept=0,
        )
    image = read_image(tmp_path)
    np.testing.assert_array_equal(image.array[0, 0, 0], [5 * slope for slope in slopes])
    assert image.modality is Modality.PT


def test_a_damaged_header_is_not_passed_over(tmp_path, ct_series):
    folder = ct_series(tmp_path / "ct", EVEN)
    victim = sorted(folder.iterdir())[0]
    # The value of Image Position (Patient) (0020,0032) becomes text that is no number.
    head, tail = victim.read_bytes().split(b"\x20\x00\x32\x00DS", 1)
    victim.write_bytes(head + b"\x20\x00\x32\x00DS" + tail[:2] + b"x" * 6 + tail[8:])
    with pytest.raises(ImageError, match=r"'ct' holds a damaged DICOM file: export the study again"):
        read_image(folder)


def test_a_post_contrast_t1_is_known_from_the_header(tmp_path, dicom_file):
    path = dicom_file(
        tmp_path / "flair.dcm",
        np.zeros((2, 2), np.uint8),
        Modality="MR",
        SeriesDescription="t1_mprage_sag",
        ContrastBolusAgent="Gadovist",
    )
    image = read_image(path)
    assert (image.modality, image.sequence) == (Modality.MR, "T1c")
