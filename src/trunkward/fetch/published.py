"""Looking at a published certificate chain as anybody out there would: over HTTPS, from its URL.

What verifiers refuse is refused here first (ATIS-1000074): a redirect, another chain than the one signatures
will be under, anything before or after it.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests

from trunkward import __version__
from trunkward.fetch.guard import Guard, guarded_session
from trunkward.fetch.policy_administrator import cause

#: RFC 8555 section 9.1.
CONTENT_TYPE = "application/pem-certificate-chain"
#: Bytes of an answer, and seconds it may take: no more than verifiers bear.
MAX_BYTES, ANSWER_S = 16 * 1024, 5.0


class NotPublished(Exception):
    """It is not there, or not as it must be; the message says what was found instead."""


class _At(Guard):
    """Connects to an address, and asks and checks there as if the URL's name had led to it."""

    def __init__(self, url: str, name: str) -> None:
        self._name = name
        super().__init__(url, max_bytes=MAX_BYTES, answer_s=ANSWER_S)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """With the name in the handshake, and looked for in the certificate."""
        super().init_poolmanager(*args, server_hostname=self._name, assert_hostname=self._name, **kwargs)


def look_at(url: str, chain_pem: bytes, trusted: Path, address: str = "") -> str:
    """Finds exactly this chain behind a URL; what it was called there. Raises `NotPublished`.

    `trusted`: PEM of the authorities its HTTPS certificate must lead to. `address`: where to connect; "":
    where the URL's name leads.
    """
    parts = urlsplit(url)
    host = parts.netloc if not address else f"[{address}]" if ":" in address else address
    there = urlunsplit(parts._replace(netloc=f"{host}:{parts.port or 443}" if address else host))
    try:
        with guarded_session(_At(there, parts.hostname or "")) as session:
            session.headers["User-Agent"] = f"trunkward/{__version__}"
            session.headers["Host"] = parts.netloc
            response = session.get(there, verify=str(trusted), timeout=ANSWER_S)
    except requests.RequestException as problem:
        raise NotPublished(f"{url}: {cause(problem)}") from None
    if response.status_code != requests.codes.ok:
        raise NotPublished(f"{url}: answers {response.status_code} instead of the chain")
    if response.content != chain_pem:
        raise NotPublished(f"{url}: answers with something else than this chain")
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
