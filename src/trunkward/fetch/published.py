"""Looking at a published certificate chain as anybody out there would: over HTTPS, from its URL.

What verifiers refuse is refused here first (ATIS-1000074): a redirect, another chain than the one signatures
will be under, anything before or after it.
"""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import requests

from trunkward import __version__
from trunkward.fetch.guard import Guard, cause, guarded_session

#: RFC 8555 section 9.1.
CONTENT_TYPE = "application/pem-certificate-chain"
#: Bytes of an answer, and seconds it may take: no more than verifiers bear.
MAX_BYTES, ANSWER_S = 16 * 1024, 5.0


class NotPublished(Exception):
    """It is not there, or not as it must be; the message says what was found instead."""


def look_at(url: str, chain_pem: bytes, trusted: Path, address: str = "") -> str:
    """Finds exactly this chain behind a URL; what it was called there. Raises `NotPublished`.

    `trusted`: PEM of the authorities its HTTPS certificate must lead to. `address`: where to connect; "":
    where the URL's name leads.
    """
    parts = urlsplit(url)
    host = parts.netloc if not address else f"[{address}]" if ":" in address else address
    there = urlunsplit(parts._replace(netloc=f"{host}:{parts.port or 443}" if address else host))
    try:
        guard = Guard(there, max_bytes=MAX_BYTES, answer_s=ANSWER_S, name=parts.hostname or "")
        with guarded_session(guard) as session:
            session.headers["User-Agent"] = f"trunkward/{__version__}"
            session.headers["Host"] = parts.netloc
            response = session.get(there, verify=str(trusted))
    except requests.RequestException as problem:
        raise NotPublished(f"{url}: {cause(problem)}") from None
    if response.status_code != requests.codes.ok:
        raise NotPublished(f"{url}: answers {response.status_code} instead of the chain")
    if response.content != chain_pem:
        raise NotPublished(f"{url}: answers with something else than this chain")
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
