"""Reads files from a .tar.gz archive without unpacking it to the disk.

A megabyte of such an archive can decompress to a gigabyte, or to a hundred thousand files. Other members are skipped,
and reading stops when the size limit is exceeded.
"""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from mlp_numpy.data.reading import said
from mlp_numpy.errors import DataError

_PIECE: Final = 1 << 20
_MOST_MEMBERS: Final = 200
_ROOM: Final = 40_000_000


class _Bounded(gzip.GzipFile):
    """The decompressed archive up to ``most`` bytes, in pieces: a header that requests a long piece is refused."""

    most = 0

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _PIECE:
            raise tarfile.ReadError("a header longer than a file of its kind may be")
        self._check(self.tell() + size)
        return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._check(offset)
        return super().seek(offset, whence)

    def _check(self, position: int) -> None:
        if position > self.most:
            raise tarfile.ReadError(f"more than {self.most:,} bytes in it")


def files_in(who: str, archive: Path, folder: str, names: Collection[str], largest: int) -> Iterator[tuple[str, bytes]]:
    """Yield the files ``names`` of ``folder`` in archive order, since seeking back would decompress it again.

    ``largest`` is the size limit in bytes of each; a size far above the archive's is refused as well. ``who`` opens the
    error messages.

    Raises DataError if the archive is incomplete or exceeds the limits.
    """
    try:
        largest = min(largest, _ROOM + 2 * archive.stat().st_size)
        with _Bounded(archive) as unpacked:
            unpacked.most = largest * len(names)
            with tarfile.open(fileobj=unpacked, mode="r:") as tar:
                for number, member in enumerate(tar):
                    if number >= _MOST_MEMBERS:
                        raise tarfile.ReadError(f"more than {_MOST_MEMBERS} files in it")
                    place, _, name = member.name.removeprefix("./").rpartition("/")
                    if place == folder and name in names and member.isreg() and not member.issparse():
                        if member.size > largest:
                            raise tarfile.ReadError(f"{name} has {member.size:,} bytes, more than {largest:,}")
                        yield name, _content(tar, member)
    except Exception as error:  # a damaged archive can raise any exception
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{who}: {archive} must be a whole .tar.gz archive, got {said(error)}. "
            "Hint: delete it so that it is downloaded again."
        ) from error


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None:
        raise tarfile.ReadError(f"{member.name} is no file")
    pieces = []
    while piece := file.read(_PIECE):
        pieces.append(piece)
    content = b"".join(pieces)
    if len(content) != member.size:
        raise EOFError(f"{member.name} ends early")
    return content
