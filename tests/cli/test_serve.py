from __future__ import annotations


def test_a_folder_of_studies_that_does_not_exist_is_refused_in_one_line(crosslabel, home, tmp_path):
    result = crosslabel("serve", "--studies", tmp_path / "nowhere")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "nowhere" in line


def test_an_unknown_task_is_refused_before_anything_is_loaded(crosslabel, home, tmp_path):
    result = crosslabel("serve", "--studies", tmp_path, "--port", 0, "--tasks", "tiny_segmentation, liver")
    assert result.exit_code == 1
    assert "There is no task 'liver'" in result.stderr
