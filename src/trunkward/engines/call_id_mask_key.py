"""The secret Call-IDs are masked with (`engines.call_id_mask`), made once and kept."""

import re
import secrets

from trunkward.engines.whole_file import write_private
from trunkward.settings import Paths

#: 16 random bytes in hex.
_MASK_KEY = re.compile(r"[0-9a-f]{32}")


def kept_mask_key(paths: Paths) -> str:
    """The secret Call-IDs are shuffled with; made once, because running calls need it again."""
    path = paths.state / "call-id-mask.secret"
    try:
        held = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        held = ""
    if not _MASK_KEY.fullmatch(held):
        held = secrets.token_hex(16)
    # written also when it was good: owner and mode are put right with it
    write_private(path, held, "root", "root", 0o600)
    return held
