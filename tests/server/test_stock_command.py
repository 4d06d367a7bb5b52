"""``monailabel start_server`` serves the app as well."""

from monailabel.client import MONAILabelClient

from crosslabel.paths import app_dir
from server_process import publish_random_weights, stock_server, write_studies, write_tasks


def test_the_stock_command_serves_the_app_and_says_in_one_line_what_it_lacks(tmp_path, free_port):
    app = tmp_path / "app"
    write_tasks(app / "tasks")
    (app / "main.py").write_text((app_dir() / "main.py").read_text())
    models = publish_random_weights(tmp_path / "models")
    studies = write_studies(tmp_path / "studies")
    with stock_server(tmp_path, studies, free_port, CROSSLABEL_MODELS=str(models)) as url:
        client = MONAILabelClient(url, tmpdir=str(tmp_path))
        assert client.info()["labels"] == ["first", "second"]
        assert client.next_sample("random", {"model": "tiny_segmentation"})["id"].startswith("mr_")
        label, params = client.infer("tiny_segmentation", "mr_0", {})
        assert label.endswith(".nii.gz")
        assert params["checkpoint"]["name"] == "tiny_segmentation v1"
    lacking = [
        line for line in (tmp_path / "server.log").read_text().splitlines() if "lacks against 'crosslabel serve'" in line
    ]
    assert len(lacking) == 1
