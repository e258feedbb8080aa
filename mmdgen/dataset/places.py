"""Where a data set stands: in a folder, or in object storage (`s3://bucket/name`) through fsspec.

`RemotePath` answers to those names of `pathlib.Path` that a data set is read with, so that the code above
need not know which of the two it has. Object storage has no folders, no renames and no half-written files: an
object is there under its name when its upload is complete, or not at all.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeAlias, TypeVar

from mmdgen.errors import BackendError

Item = TypeVar("Item")
Found = TypeVar("Found")

REQUESTS_AT_A_TIME = 16
UPLOAD_BLOCK = 32 * 2**20

_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://(.*)")

# What the libraries of object storage raise, by the name of its class: they are not imported here.
_REASONS = {
    "NoCredentialsError": "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
    "AWS_PROFILE",
    "PartialCredentialsError": "half of the credentials is missing; set AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY",
    "ProfileNotFound": "there is no such profile; check AWS_PROFILE",
    "EndpointConnectionError": "the server cannot be reached; check the network and AWS_ENDPOINT_URL",
    "ConnectTimeoutError": "the server does not answer; check the network and AWS_ENDPOINT_URL",
}


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The part of `os.stat_result` that object storage knows."""

    st_size: int
    st_mtime: float  # seconds since 1970


@dataclass(frozen=True, slots=True, order=True)
class RemotePath:
    """The name of an object, or of what stands for a folder: the beginning that names share.

    Pickles as its two texts; each process opens its own connection. Every method raises OSError.
    """

    protocol: str  # "s3"
    key: str  # "bucket/sets/one", without a slash at either end

    def __str__(self) -> str:
        return f"{self.protocol}://{self.key}"

    def __truediv__(self, name: str | PurePosixPath) -> RemotePath:
        return RemotePath(self.protocol, f"{self.key}/{PurePosixPath(name).as_posix()}")

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self.key).name

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return PurePosixPath(self.key).stem

    @property
    def parent(self) -> RemotePath:
        """What stands for the folder around this."""
        return RemotePath(self.protocol, PurePosixPath(self.key).parent.as_posix())

    def with_name(self, name: str) -> RemotePath:
        """The same with another last part."""
        return self.parent / name

    def with_suffix(self, suffix: str) -> RemotePath:
        """The same with another suffix."""
        return RemotePath(self.protocol, PurePosixPath(self.key).with_suffix(suffix).as_posix())

    def is_file(self) -> bool:
        """Whether there is an object of this name."""
        with _said_as_os_error(self):
            try:  # not `isfile`, which takes a server that does not answer for a file that is not there
                return bool(self._storage().info(self.key)["type"] == "file")
            except FileNotFoundError:
                return False

    def stat(self) -> FileFacts:
        """The object's size and when it was written."""
        with _said_as_os_error(self):
            storage = self._storage()
            return FileFacts(int(storage.size(self.key)), storage.modified(self.key).timestamp())

    def iterdir(self) -> Iterator[RemotePath]:
        """Everything directly below; nothing if there is nothing."""
        with _said_as_os_error(self):
            try:
                names = self._storage().ls(self.key, detail=False)
            except FileNotFoundError:
                names = []
        for name in names:
            key = str(name).strip("/")
            if key != self.key:  # some tools write an empty object for the folder itself
                yield RemotePath(self.protocol, key)

    def glob(self, pattern: str) -> Iterator[RemotePath]:
        """What is directly below and matches the pattern."""
        return (path for path in self.iterdir() if fnmatchcase(path.name, pattern))

    def read_bytes(self) -> bytes:
        """The whole object."""
        with _said_as_os_error(self):
            return bytes(self._storage().cat_file(self.key))

    def read_range(self, offset: int, size: int) -> bytes:
        """A part of the object; less where it ends early."""
        with _said_as_os_error(self):
            return bytes(self._storage().cat_file(self.key, start=offset, end=offset + size))

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole object as text."""
        return self.read_bytes().decode(encoding)

    def write_text(self, text: str, encoding: str = "utf-8") -> None:
        """Write the object whole."""
        with _said_as_os_error(self):
            self._storage().pipe_file(self.key, text.encode(encoding))

    def upload(self, source: BinaryIO) -> None:
        """Write the object whole from an open file, or not at all."""
        with _said_as_os_error(self):
            target = self._storage().open(self.key, "wb", block_size=UPLOAD_BLOCK)
            try:
                while block := source.read(UPLOAD_BLOCK):
                    target.write(block)
            except BaseException:
                target.discard()  # closing it would publish what was sent so far
                raise
            target.close()

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object."""
        with _said_as_os_error(self):
            try:
                self._storage().rm_file(self.key)
            except FileNotFoundError:
                if not missing_ok:
                    raise

    def expanduser(self) -> RemotePath:
        """The same: no part of it is anybody's home."""
        return self

    def check_bucket(self) -> None:
        """Raise FileNotFoundError where the bucket is not there, and OSError where it cannot be reached."""
        bucket = self.key.split("/", 1)[0]
        with _said_as_os_error(self):
            try:
                # not of the bucket: some may list below their own prefix only
                self._storage().ls(self.key, detail=False)
            except FileNotFoundError:
                if not self._storage().exists(bucket):
                    raise FileNotFoundError(errno.ENOENT, "no such bucket", bucket) from None

    def _storage(self) -> Any:
        return open_storage(self.protocol)


Place: TypeAlias = Path | RemotePath


def parse_place(text: str, base: Path = Path()) -> Place:
    """A path or a URL as a person writes it; a relative path is one below `base`."""
    url = _URL.fullmatch(text)
    if url is None:
        return base / Path(text).expanduser()
    protocol, rest = url[1].lower(), url[2]
    return Path(rest) if protocol == "file" else RemotePath(protocol, rest.strip("/"))


def open_storage(protocol: str) -> Any:
    """The fsspec file system of a protocol: one for each process, without a cache of listings.

    Raises:
        BackendError: a package is not installed, or nobody knows the protocol.
    """
    advice = 'pip install "mmdgen[s3]"' + ("" if protocol in ("s3", "s3a") else " and its own")
    try:
        import fsspec  # type: ignore[import-untyped]

        return fsspec.filesystem(protocol, use_listings_cache=False)
    except ImportError as error:
        raise BackendError(f"{protocol}:// needs a package that is not here ({error}): {advice}") from error
    except ValueError as error:
        raise BackendError(f"{protocol}:// is no kind of storage that fsspec knows") from error


def read_range(path: Place, offset: int, size: int) -> bytes:
    """A part of a file; less where the file ends early. Raises OSError."""
    if isinstance(path, RemotePath):
        return path.read_range(offset, size)
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)


def in_parallel(function: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
    """A small request for each item, several at a time: what takes long is the way to the storage."""
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as threads:
        return list(threads.map(function, items))


@contextmanager
def _said_as_os_error(path: RemotePath) -> Iterator[None]:
    """Raise as OSError, with this path, whatever the library of the storage raises."""
    try:
        yield
    except BackendError:
        raise
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise type(error)(error.errno or _code(error), reason, str(path)) from error
    except Exception as error:
        reason = _REASONS.get(type(error).__name__, str(error) or type(error).__name__)
        raise OSError(errno.EIO, reason, str(path)) from error


def _code(error: OSError) -> int:
    if isinstance(error, FileNotFoundError):
        return errno.ENOENT
    return errno.EACCES if isinstance(error, PermissionError) else errno.EIO
