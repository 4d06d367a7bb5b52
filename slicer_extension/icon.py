"""Draws the module's icon: two overlapping structures, as two modalities see them, one of them labelled.

Run with ``python -m slicer_extension.icon`` after changing it; writes the SVG and the PNG beside each other.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

ICONS = Path(__file__).parent / "CrossLabel" / "Resources" / "Icons"
_SIZE = 128
_OVERSAMPLING = 8
# Box (left, top, right, bottom) on a square of 128, fill, outline; drawn one above the other.
_DISCS = (
    ((8.0, 20.0, 84.0, 96.0), "#3d4654", "#aeb8c6"),
    ((44.0, 32.0, 120.0, 108.0), "#56b4e9", "#0b5d92"),
)
_LINE = 5.0
# The cross of "CrossLabel", in the disc that is labelled.
_CROSS = (((82.0, 52.0), (82.0, 88.0)), ((64.0, 70.0), (100.0, 70.0)))
_CROSS_COLOR = "#ffffff"
_CROSS_LINE = 8.0


def svg() -> str:
    """The icon as SVG text."""
    shapes = [
        f'<circle cx="{(left + right) / 2}" cy="{(top + bottom) / 2}" r="{(right - left) / 2}" fill="{fill}" '
        f'stroke="{outline}" stroke-width="{_LINE}"/>'
        for (left, top, right, bottom), fill, outline in _DISCS
    ]
    shapes += [
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{_CROSS_COLOR}" stroke-width="{_CROSS_LINE}"/>'
        for (x1, y1), (x2, y2) in _CROSS
    ]
    body = "\n".join(f"  {shape}" for shape in shapes)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}">\n{body}\n</svg>\n'


def picture() -> Image.Image:
    """The icon as pixels on a transparent ground."""
    scale = _OVERSAMPLING
    canvas = Image.new("RGBA", (_SIZE * scale, _SIZE * scale))
    draw = ImageDraw.Draw(canvas)
    half = _LINE / 2
    for (left, top, right, bottom), fill, outline in _DISCS:
        # Pillow strokes inwards, SVG to both sides.
        box = [scale * value for value in (left - half, top - half, right + half, bottom + half)]
        draw.ellipse(box, fill=fill, outline=outline, width=round(_LINE * scale))
    for start, end in _CROSS:
        line = [scale * value for value in (*start, *end)]
        draw.line(line, fill=_CROSS_COLOR, width=round(_CROSS_LINE * scale))
    return canvas.resize((_SIZE, _SIZE), Image.Resampling.LANCZOS)


def main() -> None:
    (ICONS / "CrossLabel.svg").write_text(svg(), encoding="utf-8")
    picture().save(ICONS / "CrossLabel.png", optimize=True)


if __name__ == "__main__":
    main()
