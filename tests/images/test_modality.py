import pytest

from crosslabel.errors import ImageError
from crosslabel.images import Modality


@pytest.mark.parametrize(
    ("text", "modality"),
    [
        ("CT", Modality.CT),
        ("mri", Modality.MR),
        (" Mr ", Modality.MR),
        ("PET", Modality.PT),
        ("DX", Modality.XR),
        ("CR", Modality.XR),
        ("x-ray", Modality.XR),
        ("Ultrasound", Modality.US),
        ("mg", Modality.MG),
        (Modality.MR, Modality.MR),
    ],
)
def test_everyday_and_dicom_names_mean_one_modality(text, modality):
    assert Modality.parse(text) is modality


@pytest.mark.parametrize("kind", [ImageError, ValueError])
def test_an_unknown_name_is_refused_with_the_choices(kind):
    with pytest.raises(kind, match=r"'tomato' is not a modality .* CT, MR, PT, XR, US, MG, OT"):
        Modality.parse("tomato")
