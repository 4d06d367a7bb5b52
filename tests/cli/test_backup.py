from __future__ import annotations

from crosslabel.store import Origin, Store
from store_files import write_volume


def test_a_backup_brings_labels_back_into_a_new_folder(crosslabel, tmp_path):
    for name in ("old", "new"):
        write_volume(tmp_path / name / "mr_1.nii.gz")
    with Store(tmp_path / "old") as store:
        store.scan()
        store.labels.save_class("task", "mr_1", "dark", Origin("anna"))
    archive = tmp_path / "backup.zip"
    assert crosslabel("backup", str(archive), "--studies", str(tmp_path / "old")).exit_code == 0
    restored = crosslabel("restore", str(archive), "--studies", str(tmp_path / "new"))
    assert "files restored" in restored.stdout
    with Store(tmp_path / "new") as store:
        assert store.labels.current("task", "mr_1").class_name == "dark"


def test_a_restore_over_labels_is_refused_with_what_to_do(crosslabel, tmp_path):
    write_volume(tmp_path / "studies" / "mr_1.nii.gz")
    archive = tmp_path / "backup.zip"
    assert crosslabel("backup", str(archive), "--studies", str(tmp_path / "studies")).exit_code == 0
    refused = crosslabel("restore", str(archive), "--studies", str(tmp_path / "studies"))
    assert refused.exit_code == 1
    assert "move its folder '.crosslabel' away" in refused.stderr
