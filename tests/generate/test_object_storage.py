"""A data set in a bucket: an S3-compatible server that the test starts on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mmdgen.cli.main import cli
from mmdgen.dataset.places import RemotePath, parse_place
from mmdgen.dataset.reader import SplitReader
from mmdgen.dataset.shard import published_names
from tests.generate.conftest import CHECKOUT, Tiny, fingerprints, tiny_toml, write_tiny_dataset

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("renderer", "bucket"),
    # botocore and the server keep connections until the garbage collector comes
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """An empty bucket called "sets"; this process and those it starts know the way to it."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "someone")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        client = boto3.client("s3")
        client.create_bucket(Bucket="sets")
        yield client
        client.close()
    server.stop()


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workplace")
    write_tiny_dataset(folder, 4)
    (folder / "mmdgen.toml").write_text(
        tiny_toml("train", samples=64, out="s3://sets/toml"), encoding="utf-8"
    )
    return folder


def type_in(workplace: Path, command: str, *arguments: str) -> Result:
    config = ["--config", str(workplace / "mmdgen.toml")] if command in ("render", "verify", "plan") else []
    return CliRunner().invoke(cli, [command, *arguments, *config])


def test_a_run_into_a_bucket_gives_the_bytes_of_a_folder(tiny: Tiny, whole: Path) -> None:
    out = parse_place("s3://sets/pieces")
    for shards in (range(3, 6), range(0, 4)):
        assert tiny.render(out, workers=2, shards=shards).is_complete
    assert tiny.render(out, shards=range(0, 6)).rendered == 0
    made = fingerprints(out)
    assert len(made) == 6 * 2 + 1  # with the plan
    assert made.items() <= fingerprints(whole).items()


def test_a_run_killed_in_the_middle_goes_on(workplace: Path) -> None:
    out = parse_place("s3://sets/killed")
    command = [sys.executable, "-m", "mmdgen", "render", "--workers", "2", "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    run = subprocess.Popen(
        command, cwd=workplace, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    while not published_names(out / "train"):
        assert run.poll() is None, "the run ended before it could be killed"
        time.sleep(0.1)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    result = type_in(workplace, "render", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "train: 64 of 64 samples" in result.output
    assert "64 rendered now" not in result.output
    assert type_in(workplace, "render").exit_code == 0  # undisturbed, into the file's own bucket
    assert fingerprints(out) == fingerprints(parse_place("s3://sets/toml"))


def test_everything_else_works_there_too(workplace: Path, bucket: Any) -> None:
    out = "s3://sets/toml"
    assert type_in(workplace, "render").exit_code == 0
    result = type_in(workplace, "verify", out, "--samples", "3")
    assert result.output.splitlines()[-1] == f"{out}: sound, 3 samples rendered again"
    assert type_in(workplace, "report", out).output == f"{out}/report/index.html\n"
    page = bucket.get_object(Bucket="sets", Key="toml/report/index.html")["Body"].read()
    assert page.count(b'alt="posed"') == 12
    reader = SplitReader(parse_place(out), "train")
    assert len(reader) == 64
    assert np.any(reader[7].posed != reader[8].posed)


def test_a_flipped_byte_in_the_bucket_is_found(workplace: Path, bucket: Any) -> None:
    out = "s3://sets/toml"
    assert type_in(workplace, "render").exit_code == 0
    key = "toml/train/train-000000.tar"
    data = bytearray(bucket.get_object(Bucket="sets", Key=key)["Body"].read())
    whole = bytes(data)
    data[600] ^= 255
    bucket.put_object(Bucket="sets", Key=key, Body=bytes(data))
    result = type_in(workplace, "verify", out)
    bucket.put_object(Bucket="sets", Key=key, Body=whole)
    assert result.exit_code == 1
    assert "train-000000.tar " in result.output
    assert "the bytes of rest.png are not those that were written" in result.output


def test_a_bucket_that_is_not_there_is_said(workplace: Path) -> None:
    result = type_in(workplace, "render", "--out", "s3://nowhere/set")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: s3://nowhere/set: cannot be written: there is no such bucket; make it, or choose another "
        "--out; finished shards are kept\n"
    )


def test_missing_credentials_are_said(workplace: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_ACCESS")}
    environment |= {"PYTHONPATH": str(CHECKOUT), "AWS_CONFIG_FILE": "-", "AWS_SHARED_CREDENTIALS_FILE": "-"}
    command = [sys.executable, "-m", "mmdgen", "render"]
    done = subprocess.run(command, cwd=workplace, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: s3://sets/toml: cannot be written: no credentials were found; set")
    assert done.stderr.count("\n") == 1


def test_a_server_that_is_not_there_is_said(workplace: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "mmdgen", "verify", "s3://sets/toml"]
    done = subprocess.run(command, cwd=workplace, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 1
    assert "the server cannot be reached; check the network and AWS_ENDPOINT_URL" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_broken_upload_publishes_nothing(bucket: Any) -> None:
    class Torn:
        """A file that cannot be read to its end."""

        def __init__(self) -> None:
            self.blocks = [b"x" * 6 * 2**20, b"y" * 6 * 2**20]

        def read(self, size: int) -> bytes:
            if not self.blocks:
                raise OSError("torn")
            return self.blocks.pop()

    place = RemotePath("s3", "sets/torn/train-000000.tar")
    with pytest.raises(OSError, match="torn"):
        place.upload(Torn())  # type: ignore[arg-type]
    assert not place.is_file()
