"""``monailabel start_server`` serves the app as well."""

import subprocess

from monailabel.client import MONAILabelClient

from crosslabel.paths import app_dir
from server_process import environment, publish_random_weights, wait_until_up, write_studies, write_tasks


def test_the_stock_command_serves_the_app_and_says_in_one_line_what_it_lacks(tmp_path, free_port):
    app = tmp_path / "app"
    write_tasks(app / "tasks")
    (app / "main.py").write_text((app_dir() / "main.py").read_text())
    models = publish_random_weights(tmp_path / "models")
    studies, log = write_studies(tmp_path / "studies"), tmp_path / "server.log"
    command = ["monailabel", "start_server", "--app", str(app), "--studies", str(studies), "--port", str(free_port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(tmp_path, CROSSLABEL_MODELS=str(models)),
            cwd=tmp_path,
        )
    try:
        url = f"http://127.0.0.1:{free_port}"
        wait_until_up(process, f"{url}/info/", log)
        client = MONAILabelClient(url, tmpdir=str(tmp_path))
        assert client.info()["labels"] == ["first", "second"]
        assert client.next_sample("random", {"model": "tiny_segmentation"})["id"].startswith("mr_")
        label, params = client.infer("tiny_segmentation", "mr_0", {})
        assert label.endswith(".nii.gz")
        assert params["checkpoint"]["name"] == "tiny_segmentation v1"
    finally:
        process.terminate()
        process.wait(30)
    lacking = [line for line in log.read_text().splitlines() if "lacks against 'crosslabel serve'" in line]
    assert len(lacking) == 1
