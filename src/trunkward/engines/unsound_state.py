"""What root has found that is not as it was journaled, for who watches and reads no database."""

import msgspec

from trunkward.engines.whole_file import read_plain, write_whole
from trunkward.settings import Paths

_MOST_BYTES = 1 << 20


def read_unsound(paths: Paths) -> tuple[str, ...]:
    """Sentences (`control.borne_out`), by the last look; (): nothing, or nobody has looked."""
    try:
        return msgspec.json.decode(read_plain(paths.unsound, _MOST_BYTES), type=tuple[str, ...])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return ()


def write_unsound(paths: Paths, problems: list[str]) -> None:
    """Raises `OSError`."""
    write_whole(paths.unsound, msgspec.json.encode(problems), 0o644, durable=False)
