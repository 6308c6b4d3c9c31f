"""Results in an S3 bucket, of moto's server on this machine: file for file those of a run without it."""

from __future__ import annotations

import logging
import signal
from pathlib import Path

import pytest
from workflows import Workflow, fingerprint

pytestmark = pytest.mark.s3

HERE = Path(__file__).parent
OWN = HERE.parents[1] / "examples/own.py"
EACH_BY_ITSELF = (
    "--executor", "cluster-generic",
    "--cluster-generic-submit-cmd", str(HERE / "pod.sh"),
    "--shared-fs-usage", "persistence", "sources", "source-cache", "software-deployment",
    "--remote-job-local-storage-prefix", "$POD/storage",
    "--seconds-between-status-checks", "1",
    "--jobs", "2",
)  # fmt: skip
"""Each job, or group of jobs, is a process that has of the results only what the storage gives it."""
WAYS = {"copies of all jobs in one folder": (), "each job with copies of its inputs alone": EACH_BY_ITSELF}


@pytest.fixture(scope="module")
def endpoint():
    """The address of a server. It lives in a thread of this process, so it cannot outlive it."""
    from moto.server import ThreadedMotoServer  # in an environment that not everybody has

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what a test has started ends, too
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # which would say each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def local(endpoint, tmp_path_factory):
    """The hashes of all results of the same configuration, in a folder."""
    workflow = Workflow(tmp_path_factory.mktemp("local") / "grokflow", HERE / "tiny.yaml", OWN)
    try:
        status, output = workflow.run()
    finally:
        workflow.end()
    assert status == 0, output
    return workflow.fingerprint()


@pytest.fixture
def workflow(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anybody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    workflow = Workflow(tmp_path / "grokflow", HERE / "tiny.yaml", OWN)
    yield workflow
    workflow.end()


def download(endpoint: str, bucket: str, folder: Path) -> None:
    """Every object of a bucket, as a file of the name of its key."""
    import boto3

    for each in boto3.resource("s3", endpoint_url=endpoint).Bucket(bucket).objects.all():
        (folder / each.key).parent.mkdir(parents=True, exist_ok=True)
        (folder / each.key).write_bytes(each.get()["Body"].read())


@pytest.mark.parametrize("way", WAYS)
def test_a_bucket_gets_the_files_of_a_run_without_one(way, local, endpoint, workflow, tmp_path):
    bucket = f"bucket-{list(WAYS).index(way)}"
    (tmp_path / "pods").mkdir()
    storage = (
        "--default-storage-provider", "s3",
        "--default-storage-prefix", f"s3://{bucket}/study",
        "--storage-s3-endpoint-url", endpoint,
        *WAYS[way],
    )  # fmt: skip

    def run(*targets: str) -> None:
        status, output = workflow.run(*targets, *storage, PODS=str(tmp_path / "pods"))
        logs = "\n".join(log.read_text(encoding="utf-8") for log in tmp_path.glob("pods/*/log"))
        assert status == 0, output + logs
        download(endpoint, bucket, tmp_path / "bucket")

    run()
    results = tmp_path / "bucket/study/results"
    assert fingerprint(results) == local
    assert workflow.fingerprint() == {}

    run("pages_of_report")  # which say how long jobs took, so no two are the same
    assert "Paper P" in (results / "report/0-first-page.html").read_text(encoding="utf-8")
    assert (results / "explore.html").is_file()
