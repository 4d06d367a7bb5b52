"""Volumes and 2-D images with their geometry: reading, writing, and which modality they are."""

from crosslabel.images.display import as_viewed, fullest, windowed
from crosslabel.images.grid import Grid
from crosslabel.images.image import Image, ImageSummary
from crosslabel.images.lattice import in_order_of
from crosslabel.images.modality import Modality, UnknownModalityError
from crosslabel.images.naming import IMAGE_SUFFIXES, image_id_of, is_image_path
from crosslabel.images.reading import describe_image, read_grid, read_image, read_label
from crosslabel.images.writing import write_label, write_map

__all__ = [
    "IMAGE_SUFFIXES",
    "Grid",
    "Image",
    "ImageSummary",
    "Modality",
    "UnknownModalityError",
    "as_viewed",
    "describe_image",
    "fullest",
    "image_id_of",
    "in_order_of",
    "is_image_path",
    "read_grid",
    "read_image",
    "read_label",
    "windowed",
    "write_label",
    "write_map",
]
