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


def test_a_server_that_others_reach_does_not_start_unguarded(crosslabel, home, tmp_path):
    result = crosslabel("serve", "--studies", tmp_path, "--host", "0.0.0.0", "--port", 0)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "a token (crosslabel token add" in line
    assert "--certificate" in line
    assert "--insecure" in line


def test_a_certificate_that_is_none_is_refused(crosslabel, home, tmp_path):
    (tmp_path / "server.pem").write_text("not a certificate")
    result = crosslabel("serve", "--studies", tmp_path, "--port", 0, "--certificate", tmp_path / "server.pem")
    assert result.exit_code == 1
    assert "cannot be used with its key" in result.stderr


def test_a_key_without_its_certificate_is_refused(crosslabel, home, tmp_path):
    result = crosslabel("serve", "--studies", tmp_path, "--port", 0, "--key", tmp_path / "key.pem")
    assert result.exit_code == 1
    assert "--certificate" in result.stderr
