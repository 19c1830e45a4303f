"""Sharing data and results through a remote storage of DVC: a local folder, and a server with the protocol of S3."""

import socket
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from pipeline.data.prepared import read_manifest

KEYS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}


def check_shared(project, clone, url, *settings, **environment):
    """Push, clone, pull, and reproduce without running a stage."""
    project.run("dvc", "remote", "add", "--default", "storage", url)
    for name, value in settings:
        project.run("dvc", "remote", "modify", "storage", name, value)
    project.commit()
    project.run("dvc", "push", **environment)
    cloned = project.cloned(clone)
    assert not (cloned.folder / "data/prepared").exists()
    cloned.run("dvc", "pull", **environment)
    assert cloned.repro() == set()
    assert read_manifest(cloned.folder / "data/prepared") == read_manifest(project.folder / "data/prepared")
    # A changed setting of the report needs the results of the trainings, and no training.
    cloned.change("conf/comparison.yaml", margin=0.02)
    assert cloned.repro() == {"report"}


def test_a_clone_reproduces_from_a_local_remote_without_training(project, tmp_path):
    check_shared(project, tmp_path / "clone", str(tmp_path / "remote"))


@pytest.fixture
def s3():
    """The address of a server with the protocol of S3 that holds the bucket `shared`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            assert server.poll() is None
            with suppress(OSError), urlopen(f"{address}/moto-api/", timeout=5):
                break
            time.sleep(0.1)
        import boto3

        boto3.client(
            "s3",
            endpoint_url=address,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            region_name=KEYS["AWS_DEFAULT_REGION"],
        ).create_bucket(Bucket="shared")
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.mark.skipif(not (find_spec("dvc_s3") and find_spec("moto")), reason="dvc-s3 and moto are extras")
def test_a_clone_reproduces_from_an_s3_store_without_training(project, tmp_path, s3):
    check_shared(project, tmp_path / "clone", "s3://shared/comparison", ("endpointurl", s3), **KEYS)


def add_pictures(folder, first, last):
    for name in ("ok", "defect"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(first, last):
            pixels = np.random.default_rng([number, len(name)]).integers(0, 256, (9, 9, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def test_imported_images_are_prepared_again_after_an_update(untouched_project, tmp_path):
    project, source = untouched_project, tmp_path / "photos"
    add_pictures(source, 0, 40)
    project.change("conf/data/folder.yaml", options__path="data/images", options__size=8)
    project.change("conf/comparison.yaml", data="folder", split="random", replicates=1)
    project.run("dvc", "import-url", "--quiet", str(source), "data/images")
    project.run("convtrack", "repair")
    assert project.repro("prepare") == {"prepare"}
    assert project.repro("prepare") == set()
    add_pictures(source, 40, 45)
    assert project.repro("prepare") == set()
    project.run("dvc", "update", "--quiet", "data/images.dvc")
    assert project.repro("prepare") == {"prepare"}
    assert read_manifest(project.folder / "data/prepared")["images"] == 90
