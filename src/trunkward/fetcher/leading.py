"""Whether a chain leads to the trusted list: what else is a stranger's own, and is not kept for long.

This is a quota, and makes no certificate good: each gate looks for itself.
"""

import structlog

from trunkward.engines.trust import TrustFiles
from trunkward.shaken.causes import CredentialFault
from trunkward.shaken.credential import credential_of

_log = structlog.get_logger("fetcher")


class Leading:
    """Asks the list in force."""

    def __init__(self, trust: TrustFiles) -> None:
        """Whoever has `trust` keeps it as it is on disk."""
        self._trust = trust

    def __call__(self, chain: str, now_s: float) -> bool:
        """Whether a chain in PEM leads there at `now_s` (seconds since the epoch). Never raises."""
        trust = self._trust.trust
        if trust is None:
            return False
        try:
            credential_of(chain.encode(), trust.authorities, trust.revocations, now_s)
        except CredentialFault:
            return False
        except Exception:  # a certificate a library has never seen the like of
            _log.exception("fault while reading a certificate")
            return False
        return True
