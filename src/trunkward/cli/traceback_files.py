"""An answer to a traceback request on disk: a directory, or a ZIP archive of the same files."""

import lzma
import os
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

#: Bytes of all files of an answer: a hundred calls with long ladders have a tenth of it (our limit).
_MOST_BYTES = 64 << 20
#: What data raises that was changed within an archive, whichever way it was packed.
_DAMAGED = (zlib.error, lzma.LZMAError, EOFError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Files that are on the disk under a name of their own, until it is known that they may stay."""

    part: Path
    path: Path

    @classmethod
    def at(cls, path: Path, files: Mapping[str, bytes]) -> Self:
        """Writes them for their owner alone. Raises `OSError`."""
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        made = cls(part=part, path=path)
        try:
            if path.suffix == ".zip":
                with _private(part) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                    for name, data in files.items():
                        archive.writestr(name, data)
            else:
                part.mkdir(mode=0o700)
                for name, data in files.items():
                    with _private(part / name) as file:
                        file.write(data)
        except OSError:
            made.discard()
            raise
        return made

    def keep(self) -> None:
        """Under the name that was asked for, if it is free. Raises `OSError`; they are in `part` then.

        A rename takes the place of what is there; so the name is taken first, in the way that needs it free.
        """
        if self.part.is_dir():
            self.path.mkdir(mode=0o700)
        else:
            _private(self.path).close()
        try:
            self.part.rename(self.path)
        except OSError:
            with suppress(OSError):
                self.path.rmdir() if self.path.is_dir() else self.path.unlink()
            raise

    def discard(self) -> None:
        """None of it stays."""
        if self.part.is_dir():
            shutil.rmtree(self.part, ignore_errors=True)
        else:
            self.part.unlink(missing_ok=True)


def read_pack(path: Path) -> dict[str, bytes]:
    """The files of an answer by name. Raises `OSError`, `ValueError` for what is none."""
    if path.is_dir():
        found = sorted(path.iterdir())
        if any(not each.is_file() or each.is_symlink() for each in found):
            raise ValueError(f"{path}: an answer is files, and has no directories or links")
        if sum(each.stat().st_size for each in found) > _MOST_BYTES:
            raise ValueError(f"{path}: larger than any answer")
        return {each.name: each.read_bytes() for each in found}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(each.file_size for each in members) > _MOST_BYTES:
                raise ValueError(f"{path}: larger than any answer")
            names = [each.filename for each in members]
            if len(set(names)) != len(names):
                raise ValueError(f"{path}: holds a file twice")
            return {each.filename: archive.read(each) for each in members}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, *_DAMAGED) as problem:
        raise ValueError(f"{path}: no ZIP archive of an answer: {problem}") from None


def _private(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")
