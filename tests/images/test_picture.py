import nibabel as nib
import numpy as np
import pytest
from PIL import Image as Picture

from crosslabel.errors import ImageError
from crosslabel.images import describe_image, read_image, read_label

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def rgb(grey=GREY):
    return np.repeat(grey[..., np.newaxis], 3, axis=2)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_every_kind_of_png_becomes_one_grey_channel(tmp_path, mode):
    Picture.fromarray(GREY).convert(mode).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.array, GREY[np.newaxis])
    assert describe_image(tmp_path / "a.png").shape == (6, 8)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_every_kind_of_jpeg_becomes_one_grey_channel(tmp_path, mode):
    smooth = np.full((16, 24), 90, dtype=np.uint8)
    Picture.fromarray(smooth).convert(mode).save(tmp_path / "a.jpg", quality=100)
    np.testing.assert_allclose(read_image(tmp_path / "a.jpg").array[0], smooth, atol=2)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_in_colour_is_grey_by_its_luma_and_has_its_colours_where_three_channels_are_asked_for(tmp_path, suffix):
    colours = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    Picture.fromarray(colours).save(tmp_path / f"a.{suffix}")
    stored = Picture.open(tmp_path / f"a.{suffix}")

    image = read_image(tmp_path / f"a.{suffix}")

    assert image.channels == 1
    np.testing.assert_array_equal(image.in_channels(1)[0], np.asarray(stored.convert("L")))
    np.testing.assert_array_equal(image.in_channels(3), np.moveaxis(np.asarray(stored), -1, 0))


def test_a_grey_picture_counts_thrice_where_colours_are_asked_for_and_other_images_do_not(tmp_path):
    Picture.fromarray(GREY).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").in_channels(3), np.stack([GREY] * 3))
    nib.save(nib.Nifti1Image(GREY[..., None], np.eye(4)), tmp_path / "a.nii.gz")
    assert len(read_image(tmp_path / "a.nii.gz").in_channels(3)) == 1


def test_sixteen_bits_are_kept(tmp_path):
    deep = np.arange(48, dtype=np.uint16).reshape(6, 8) * 1000
    Picture.fromarray(deep).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read_image(tmp_path / "deep.png").array[0], deep)


def test_transparent_pixels_lie_on_black(tmp_path):
    pixels = np.dstack([rgb(np.full((2, 2), 200, np.uint8)), np.array([[255, 0], [0, 255]], np.uint8)])
    Picture.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").array[0], [[200, 0], [0, 200]])


def test_the_stored_pixel_grid_is_kept_whatever_the_exif_orientation(tmp_path):
    exif = Picture.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees to view"
    Picture.fromarray(np.full((16, 24), 90, np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").grid.shape == (16, 24)
    assert describe_image(tmp_path / "a.jpg").shape == (16, 24)


def test_an_animated_png_is_refused(tmp_path):
    frames = [Picture.fromarray(GREY), Picture.fromarray(GREY[::-1])]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match=r"'a.png' is animated: save the one frame"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_truncated_picture_is_refused(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    path = tmp_path / f"a{suffix}"
    Picture.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=r"'a\.\w+' is not a readable PNG or JPEG .*: save it again"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_text_that_is_called_a_picture_is_refused(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_text("hello")
    for function in (read_image, read_label, describe_image):
        with pytest.raises(ImageError, match=r"'a\.\w+' is not a readable PNG or JPEG"):
            function(tmp_path / f"a{suffix}")


def test_another_picture_format_behind_the_suffix_is_refused(tmp_path):
    Picture.fromarray(GREY).save(tmp_path / "a.bmp")
    (tmp_path / "a.bmp").rename(tmp_path / "a.png")
    with pytest.raises(ImageError, match="not a readable PNG or JPEG"):
        read_image(tmp_path / "a.png")


def test_a_palette_label_gives_its_indices_whatever_its_colours(tmp_path):
    indices = np.array([[0, 1, 2], [2, 1, 0]], dtype=np.uint8)
    picture = Picture.fromarray(indices).convert("P")
    picture.putdata(indices.ravel().tolist())
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "label.png")
    np.testing.assert_array_equal(read_label(tmp_path / "label.png")[0], indices)


def test_a_label_in_colour_is_refused(tmp_path):
    Picture.fromarray(rgb()).save(tmp_path / "label.png")
    with pytest.raises(ImageError, match=r"'label.png' is in colour and holds no label values"):
        read_label(tmp_path / "label.png")


def test_a_jpeg_label_is_refused(tmp_path):
    Picture.fromarray(GREY).save(tmp_path / "label.jpg")
    with pytest.raises(ImageError, match=r"'label.jpg' is a JPEG, whose compression blurs label values"):
        read_label(tmp_path / "label.jpg")
