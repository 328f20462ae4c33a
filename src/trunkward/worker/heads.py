"""Signing the heads of all journals, each minute, into a file outside of the databases."""

import secrets
from collections.abc import Callable
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.engines.journals import append_minute, last_minute, read_private_key, told_heads
from trunkward.engines.pause import NO_PAUSE, Pause
from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.chain import Entry
from trunkward.journal.commitment import SALT_BYTES
from trunkward.journal.heads import Head, signed_minute
from trunkward.settings import Paths

_salt = partial(secrets.token_bytes, SALT_BYTES)
#: Seconds between two looks.
EVERY_S = 60.0
#: Seconds after which heads are signed again though none has moved: a silence that long is one.
AT_LEAST_S = 3600.0


class Heads:
    """Goes on with the file of signed heads."""

    def __init__(self, paths: Paths, log: Callable[..., object]) -> None:
        """`log` hears when heads cannot be signed."""
        self._paths = paths
        self._log = log
        self._pause = NO_PAUSE
        self._last: Entry | None = None
        self._signed: list[Head] = []
        self._silence = NO_PAUSE
        self._key: Ed25519PrivateKey | None = None
        self._problem = ""
        #: When heads were last signed, seconds since the epoch; of `trunkward_worker_heads_signed`.
        self.signed_at = 0.0

    def round(self, now_s: float) -> None:
        """Signs what has moved, once a minute."""
        if not self._pause.is_over(now_s):
            return
        self._pause = Pause(now_s, EVERY_S)
        try:
            self._sign(now_s)
        except Exception as problem:  # whatever it is: records are shipped all the same
            self._key = None  # all is read again
            if str(problem) != self._problem:
                self._log("heads of the journals are not signed", problem=str(problem))
            self._problem = str(problem)
        else:
            self._problem = ""

    def _sign(self, now_s: float) -> None:
        if self._key is None:
            self._last = last_minute(self._paths.heads)
            self._key = read_private_key(PkiFiles(self._paths.pki).heads_key)
        heads = told_heads(self._paths)
        if heads == self._signed and not self._silence.is_over(now_s):
            return
        entry, line = signed_minute(self._last, heads, round(now_s, 3), self._key, _salt)
        append_minute(self._paths.heads, line)
        self._last, self._signed, self._silence = entry, heads, Pause(now_s, AT_LEAST_S)
        self.signed_at = now_s
