"""The file of root's that says how far the journal of acts is (`journal.own`)."""

from hashlib import sha256
from pathlib import Path

import msgspec

from trunkward.engines.whole_file import read_plain, write_whole
from trunkward.journal.chain import UNREADABLE
from trunkward.journal.own import Own
from trunkward.settings import Paths

#: It has some 200 bytes.
_MOST = 1 << 16


class OwnFile:
    """Root's alone: the directory is, and the file."""

    def __init__(self, paths: Paths) -> None:
        """One for each database there is or was: each has a journal of its own."""
        name = sha256(paths.configuration_url.encode()).hexdigest()[:16] if paths.configuration_shared else ""
        self.path: Path = paths.configuration_db.with_name(f"acts{name and '-'}{name}.json")

    def read(self) -> Own | None:
        """None: nothing was ever kept. Raises `OSError`."""
        try:
            text = read_plain(self.path, _MOST)
        except FileNotFoundError:
            return None
        try:
            return msgspec.json.decode(text, type=Own)
        except UNREADABLE:
            return Own(ends=())

    def write(self, own: Own) -> None:
        """On the disk when this returns. Raises `OSError`."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self.path, msgspec.json.encode(own), 0o600)
