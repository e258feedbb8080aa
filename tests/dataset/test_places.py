"""Object storage answers as a folder does; here fsspec's storage in memory."""

from __future__ import annotations

import pickle
import sys
import uuid
from pathlib import Path

import pytest

from mmdgen.dataset.places import RemotePath, in_parallel, open_storage, parse_place, read_range
from mmdgen.dataset.shard import ShardWriter, published_names, read_left_out, remove_partials
from mmdgen.dataset.storage import (
    StorageError,
    WholeFile,
    make_folder,
    read_first_line,
    storage_error,
    write_text,
)
from mmdgen.errors import BackendError


@pytest.fixture
def place() -> RemotePath:
    """What stands for a folder of the test's own."""
    return RemotePath("memory", f"bucket/{uuid.uuid4().hex}")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://bucket/sets/one/", RemotePath("s3", "bucket/sets/one")),
        ("S3://bucket", RemotePath("s3", "bucket")),
        ("gs://b/a c", RemotePath("gs", "b/a c")),
        ("file:///tmp/set", Path("/tmp/set")),
        ("set", Path("base/set")),
        ("/set", Path("/set")),
        ("C:/set", Path("base/C:/set")),
    ],
)
def test_a_url_is_told_from_a_path(text: str, place: object) -> None:
    assert parse_place(text, Path("base")) == place


def test_the_home_folder_is_meant_by_a_tilde() -> None:
    assert parse_place("~/set") == Path.home() / "set"


def test_names_are_put_together_as_those_of_files() -> None:
    shard = RemotePath("s3", "bucket/set") / "train" / "train-000001.tar"
    assert str(shard) == "s3://bucket/set/train/train-000001.tar"
    assert (shard.name, shard.stem) == ("train-000001.tar", "train-000001")
    assert str(shard.with_suffix(".jsonl")) == "s3://bucket/set/train/train-000001.jsonl"
    assert str(shard.parent.parent) == "s3://bucket/set"
    assert pickle.loads(pickle.dumps(shard)) == shard


def test_what_is_written_can_be_read(place: RemotePath) -> None:
    write_text(place / "a.txt", "まばたき\nzweite")
    assert (place / "a.txt").read_text() == "まばたき\nzweite"
    assert (place / "a.txt").stat().st_size == 19
    assert read_first_line(place / "a.txt") == "まばたき"
    assert read_range(place / "a.txt", 13, 3) == b"zwe"
    assert [path.name for path in place.iterdir()] == ["a.txt"]
    assert list(place.glob("*.tar")) == []
    assert list((place / "nowhere").iterdir()) == []


def test_a_first_line_longer_than_the_first_look_is_whole(place: RemotePath) -> None:
    write_text(place / "long", "x" * 100_000 + "\nend")
    assert len(read_first_line(place / "long")) == 100_000


def test_a_file_is_there_only_when_it_is_published(place: RemotePath) -> None:
    with WholeFile(place / "a") as target:
        target.write(b"half")
        assert not (place / "a").is_file()
    assert not (place / "a").is_file()
    with WholeFile(place / "a") as target:
        target.write(b"whole")
        target.publish()
    assert (place / "a").read_bytes() == b"whole"


def test_a_server_that_does_not_answer_is_not_taken_for_a_missing_file(
    place: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, **options: object) -> None:
        raise ConnectionError("no answer")

    monkeypatch.setattr(open_storage("memory"), "info", refuse)
    with pytest.raises(OSError, match="no answer"):
        (place / "plan.json").is_file()


def test_what_is_not_there_is_said_as_of_a_file(place: RemotePath) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        (place / "nothing").read_bytes()
    assert caught.value.filename == str(place / "nothing")
    (place / "nothing").unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        (place / "nothing").unlink()


def test_a_shard_is_published_with_its_record(place: RemotePath) -> None:
    with ShardWriter(place, "train-000000", "f") as writer:
        writer.leave_out("m", 3, "it broke")
        assert published_names(place) == []
        writer.commit()
    assert published_names(place) == ["train-000000"]
    assert read_left_out(place, "train-000000")[0]["samples"] == 3
    assert read_left_out(place, "train-000001") == []
    remove_partials(place, ["train-000000"])  # there can be none


def test_requests_at_the_same_time_keep_their_order() -> None:
    assert in_parallel(lambda number: number * 2, range(100)) == list(range(0, 200, 2))


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(BackendError, match=r's3:// needs a package that is not here .*"mmdgen\[s3\]"'):
        make_folder(RemotePath("s3", "bucket/set"))


def test_a_protocol_that_nobody_knows_is_said() -> None:
    with pytest.raises(BackendError, match="nobody:// is no kind of storage that fsspec knows"):
        make_folder(RemotePath("nobody", "bucket/set"))


def test_a_full_disk_for_temporary_files_is_said(monkeypatch: pytest.MonkeyPatch, place: RemotePath) -> None:
    error = storage_error(place, OSError(28, "No space left on device"))
    assert isinstance(error, StorageError)
    assert "the disk for temporary files (" in str(error)
    assert "TMPDIR" in str(error)
