"""Reports are one file that shows what it was given, whatever the text holds."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from crosslabel.report import Report

PNG = re.compile(r'src="data:image/png;base64,([^"]+)"')


class Reader(HTMLParser):
    """Collects the tags, the texts and what the page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.texts, self.fetched = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.fetched += [value for name, value in attributes if name in ("src", "href") and not value.startswith("data:")]

    def handle_data(self, data):
        self.texts.append(data)


def read(report: Report) -> Reader:
    reader = Reader()
    reader.feed(report.html())
    return reader


def test_the_pictures_lie_in_the_file_and_nothing_is_fetched(tmp_path):
    report = Report("Adaptation", "CT to MR")
    figure = Figure()
    figure.subplots().plot([1, 2], [3, 4])
    report.section("Curves").figure(figure, "loss").picture(np.eye(5), "diagonal", width=200)
    report.write(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(page)
    assert reader.fetched == []
    assert "script" not in reader.tags
    plotted, diagonal = (Image.open(io.BytesIO(base64.b64decode(content))) for content in PNG.findall(page))
    assert min(plotted.size) > 100
    np.testing.assert_array_equal(np.asarray(diagonal), np.eye(5, dtype=np.uint8) * 255)


def test_text_from_users_never_becomes_markup():
    evil = '<script>alert("x")</script>'
    report = Report(evil, evil)
    report.section(evil).text(evil).facts({evil: evil}).table([evil], [[evil]], evil).picture(np.zeros((2, 2)), evil)
    reader = read(report)
    assert "script" not in reader.tags
    assert reader.texts.count(evil) == 11


def test_a_gallery_shows_each_picture_with_its_title_as_wide_as_asked():
    report = Report("Adaptation")
    report.section("Styles").gallery([(np.eye(4), "as it is"), (1 - np.eye(4), "style <1>")], "volume 7", width=130)
    page = report.html()
    shown = [np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))) > 0 for content in PNG.findall(page)]
    np.testing.assert_array_equal(shown, [np.eye(4) > 0, np.eye(4) == 0])
    assert page.count('width="130"') == 2
    assert {"as it is", "style <1>", "volume 7"} <= set(read(report).texts)


def test_numbers_are_rounded_and_what_is_missing_is_a_dash():
    report = Report("Table")
    report.section("Dice").table(["label", "Dice", "cases", "tiny"], [["liver", 0.91249, 3, 1.2e-7], ["spleen", None, 0, 0.0]])
    texts = read(report).texts
    assert {"0.912", "3", "1.2e-07", "–", "0.000"} <= set(texts)


def test_nested_settings_are_flattened():
    report = Report("Settings")
    report.section("Settings").facts({"seed": 3, "network": {"name": "UNet", "channels": [16, 32]}, "mixed": True})
    texts = read(report).texts
    assert {"network.name", "UNet", "network.channels", "16, 32", "yes"} <= set(texts)


def test_a_row_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="row 2 has 1 cells and the table 2 columns"):
        Report("x").section("y").table(["a", "b"], [[1, 2], [3]])


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((2, 2, 4)), np.zeros((2, 2), np.int32)])
def test_an_array_that_is_no_picture_is_refused(array):
    with pytest.raises(ValueError, match="a picture"):
        Report("x").section("y").picture(array)


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    Report("old").write(path)
    before = path.read_bytes()
    broken = Report("new")
    monkeypatch.setattr(broken, "html", lambda: "\ud800")  # cannot be encoded
    with pytest.raises(UnicodeEncodeError):
        broken.write(path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"]
