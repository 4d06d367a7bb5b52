from __future__ import annotations

import json
import os
import shutil

import pytest

from crosslabel.errors import ImageError, NotFoundError
from crosslabel.images import Modality
from crosslabel.store import ImageState, Origin, Store, StoreError
from server_process import write_series
from store_files import write_volume

TASK = "abdomen"


def ids(store):
    return [image.id for image in store.images.list()]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir()
    return folder


@pytest.fixture
def opened(folder, database_url, clock):
    with Store(folder, database_url, clock=clock) as store:
        yield store


def test_images_are_found_in_subfolders_with_what_their_headers_tell(opened, folder, clock):
    write_volume(folder / "site a" / "patient7" / "t1_mr.nii.gz", shape=(6, 5, 4))
    report = opened.scan()
    image = opened.images.get("site a/patient7/t1_mr")
    assert (report.total, report.added, report.changed, report.missing) == (1, 1, 0, 0)
    assert image.path == folder / "site a" / "patient7" / "t1_mr.nii.gz"
    assert (image.summary.dimension, image.summary.shape, image.summary.spacing) == (3, (6, 5, 4), (2.0, 2.0, 3.0))
    assert (image.modality, image.summary.sequence, image.added) == (Modality.MR, "T1", clock.now)


def test_what_is_no_image_is_left_out(opened, folder):
    write_volume(folder / "mr_1.nii.gz")
    for name in ("._mr_1.nii.gz", ".hidden.nii.gz", ".git/mr_9.nii.gz", "labels/final/mr_1.nii.gz", "labels/mr_8.nii.gz"):
        write_volume(folder / name)
    (folder / "mr_1.json").write_text("{}")
    (folder / "notes.txt").write_text("text")
    (folder / "mr_1.seg.nrrd").write_bytes(b"")
    opened.scan()
    assert ids(opened) == ["mr_1"]


def test_two_files_that_differ_in_their_suffix_only_have_their_own_ids_for_good(opened, folder):
    write_volume(folder / "a.nii.gz", 1)
    opened.scan()
    write_volume(folder / "a.nii", 2)
    opened.scan()
    assert {image.id: image.path.name for image in opened.images.list()} == {"a": "a.nii.gz", "a.nii": "a.nii"}
    (folder / "a.nii.gz").unlink()
    opened.scan()
    assert {image.id: image.path.name for image in opened.images.list()} == {"a.nii": "a.nii"}


def test_names_that_try_to_collide_get_numbers(opened, folder):
    write_volume(folder / "a.nii.nrrd.nii")
    (folder / "a.nii.nrrd.nii").rename(folder / "a.nii.png")
    shutil.copy(folder / "a.nii.png", folder / "a.nrrd")
    opened.scan()
    assert {image.id for image in opened.images.list(None)} == {"a.nii", "a"}
    write_volume(folder / "a.nii")
    opened.scan()
    assert ids(opened) == ["a.nii~2"]


def test_an_image_that_comes_back_in_another_format_keeps_its_labels(opened, folder, tmp_path):
    write_volume(folder / "a.nii")
    opened.scan()
    opened.labels.save_file(TASK, "a", write_volume(tmp_path / "label.nii.gz"), Origin("anna"))
    (folder / "a.nii").unlink()
    opened.scan()
    write_volume(folder / "a.nii.gz")
    opened.scan()
    assert opened.images.path("a") == folder / "a.nii.gz"
    assert opened.labels.current(TASK, "a").version == 1


def test_only_what_changed_is_read_again(opened, folder, clock):
    for name in ("mr_1", "mr_2", "mr_3"):
        write_volume(folder / f"{name}.nii.gz")
    opened.scan()
    opened.images.mark_verified(["mr_1", "mr_2"])
    clock.advance(60)
    write_volume(folder / "mr_2.nii.gz", shape=(7, 5, 4))
    (folder / "mr_3.nii.gz").unlink()
    report = opened.scan()
    assert (report.total, report.added, report.changed, report.missing) == (2, 0, 1, 1)
    assert [opened.images.get(name).verified for name in ("mr_1", "mr_2")] == [True, False]
    changed = opened.images.get("mr_2")
    assert (changed.summary.shape, (changed.changed - changed.added).total_seconds()) == ((7, 5, 4), 60)
    with pytest.raises(NotFoundError, match="no image 'mr_3' among the studies"):
        opened.images.get("mr_3")
    assert opened.scan().changed == 0


def test_an_image_that_comes_back_as_it_was_has_not_changed(opened, folder, tmp_path, clock):
    image = write_volume(folder / "mr_1.nii.gz")
    opened.scan()
    before = opened.images.get("mr_1")
    away = image.rename(tmp_path / "away.nii.gz")
    clock.advance(60)
    assert opened.scan().missing == 1
    away.rename(image)
    assert opened.scan().changed == 1
    assert opened.images.get("mr_1") == before


def test_a_sidecar_that_is_added_or_removed_is_noticed(opened, folder):
    write_volume(folder / "scan1.nii.gz")
    opened.scan()
    assert opened.images.get("scan1").modality is None
    (folder / "scan1.json").write_text(json.dumps({"Modality": "CT"}))
    opened.scan()
    assert opened.images.get("scan1").modality is Modality.CT
    (folder / "scan1.json").unlink()
    opened.scan()
    assert opened.images.get("scan1").modality is None


def test_a_damaged_image_is_listed_with_its_reason_until_it_is_mended(opened, folder):
    (folder / "mr_bad.nii.gz").write_bytes(b"not an image")
    (folder / "mr_empty.nii.gz").touch()
    report = opened.scan()
    bad = opened.images.get("mr_bad")
    assert (bad.state, bad.summary) == (ImageState.UNREADABLE, None)
    assert "not a readable NIfTI" in bad.reason
    assert set(report.unreadable) == {"mr_bad", "mr_empty"}
    assert ids(opened) == []
    assert opened.scan().changed == 0
    write_volume(folder / "mr_bad.nii.gz")
    opened.scan()
    assert ids(opened) == ["mr_bad"]


def test_a_series_of_dicom_files_is_one_image_and_a_disc_of_several_is_several(opened, folder):
    write_series(folder / "ct", "CT", slices=4)
    (folder / "disc").mkdir()
    for name in ("series1", "series2"):
        write_series(folder / "disc" / name, "MR", slices=3)
    shutil.copy(next((folder / "disc" / "series1").iterdir()), folder / "disc" / "DICOMDIR")
    write_volume(folder / "ct" / "converted.nii.gz")
    opened.scan()
    assert ids(opened) == ["ct", "ct/converted", "disc/series1", "disc/series2"]
    assert opened.images.get("ct").summary.shape == (24, 20, 4)
    assert opened.scan().changed == 0


def test_a_slice_that_is_added_to_a_series_is_noticed_and_two_series_in_a_folder_are_unreadable(opened, folder):
    write_series(folder / "ct", "CT", slices=4)
    opened.scan()
    write_series(folder / "ct", "CT", slices=1)
    assert opened.scan().changed == 1
    assert "2 DICOM series" in opened.images.get("ct").reason


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_links_that_lead_out_of_the_folder_are_left_out_and_named(opened, folder, tmp_path):
    outside = write_volume(tmp_path / "outside" / "secret.nii.gz")
    inside = write_volume(folder / "mr_1.nii.gz")
    (folder / "linked.nii.gz").symlink_to(inside)
    (folder / "stolen.nii.gz").symlink_to(outside)
    (folder / "broken.nii.gz").symlink_to(tmp_path / "nowhere.nii.gz")
    (folder / "site").symlink_to(outside.parent)
    (folder / "loop").symlink_to(folder)
    report = opened.scan()
    assert ids(opened) == ["linked", "mr_1"]
    assert set(report.skipped) == {"stolen.nii.gz", "broken.nii.gz", "site", "loop"}
    assert "out of the studies folder" in report.skipped["stolen.nii.gz"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_file_that_becomes_a_link_out_of_the_folder_after_the_scan_is_refused(opened, folder, tmp_path):
    write_volume(folder / "mr_1.nii.gz")
    opened.scan()
    outside = (folder / "mr_1.nii.gz").rename(tmp_path / "outside.nii.gz")
    (folder / "mr_1.nii.gz").symlink_to(outside)
    with pytest.raises(ImageError, match="link out of the studies folder"):
        opened.images.path("mr_1")


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
def test_names_of_all_kinds_are_served_or_named(opened, folder):
    odd = ["äöü 漢字", "a'b\"c", "new\nline", "%2e%2e", "semi;colon --x", "x" * 200, "🫀"]
    for name in odd:
        write_volume(folder / f"{name}.nii.gz")
    write_volume(folder / "plain.nii.gz").rename(folder / os.fsdecode(b"broken\xff.nii.gz"))
    report = opened.scan()
    assert ids(opened) == sorted(odd)
    assert list(report.skipped.values()) == ["its name is not valid text; rename it"]
    label = write_volume(folder.parent / "label.nii.gz")
    for name in odd:
        assert opened.labels.save_file(TASK, name, label, Origin("anna")).path.read_bytes() == label.read_bytes()


def test_a_folder_that_cannot_be_listed_leaves_its_images_in_the_index(opened, folder, monkeypatch):
    write_volume(folder / "site" / "mr_1.nii.gz")
    write_volume(folder / "mr_2.nii.gz")
    opened.scan()
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("site"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = opened.scan()
    assert (report.missing, report.skipped) == (0, {"site": "cannot be listed (Permission denied)"})
    assert ids(opened) == ["mr_2", "site/mr_1"]


def test_a_studies_folder_that_goes_away_loses_no_image(opened, folder):
    write_volume(folder / "mr_1.nii.gz")
    opened.scan()
    away = folder.rename(folder.with_name("away"))
    with pytest.raises(StoreError, match="studies folder cannot be used"):
        opened.scan()
    away.rename(folder)
    assert ids(opened) == ["mr_1"]


def test_files_that_are_removed_while_a_scan_runs_break_nothing(opened, folder):
    for number in range(150):
        shutil.copyfile(folder / "mr_000.nii.gz", folder / f"mr_{number:03}.nii.gz") if number else write_volume(
            folder / "mr_000.nii.gz"
        )

    def remove_the_rest(done, total):
        if done == 100:
            for number in range(100, 150):
                (folder / f"mr_{number:03}.nii.gz").unlink()

    opened.scan(remove_the_rest)
    opened.scan()
    assert ids(opened) == [f"mr_{number:03}" for number in range(100)]


def test_progress_is_told_and_a_cancelled_scan_keeps_what_it_has(opened, folder):
    first = write_volume(folder / "mr_000.nii.gz")
    for number in range(1, 230):
        shutil.copyfile(first, folder / f"mr_{number:03}.nii.gz")
    told = []
    report = opened.scan(lambda done, total: told.append((done, total)), cancelled=lambda: len(told) == 3)
    assert told == [(0, 230), (100, 230), (200, 230)]
    assert not report.complete
    assert len(ids(opened)) == 200
    assert opened.scan(lambda done, total: told.append((done, total))).complete
    assert told[-2:] == [(200, 230), (230, 230)]
    assert len(ids(opened)) == 230


def test_patients_are_found_together_under_a_pseudonym(opened, folder):
    write_volume(folder / "patient7_t1.nii.gz")
    write_volume(folder / "patient7_t2.nii.gz")
    write_volume(folder / "patient8_t1.nii.gz")
    opened.scan()
    patient = opened.images.get("patient7_t1").patient
    assert "patient7" not in patient
    assert [image.id for image in opened.images.of_patient(patient)] == ["patient7_t1", "patient7_t2"]
