"""A signed POST to a URL a person wrote down, as Standard Webhooks has it (standardwebhooks.com, v1).

Whoever receives it computes HMAC-SHA256 over `id.timestamp.body` with the shared secret, compares it with one
of the signatures, and refuses what is older than some minutes. The id is that of the message and the same
when it is sent again; the timestamp is that of the attempt.
"""

import base64
import binascii
import hmac
from hashlib import sha256
from pathlib import Path

from trunkward import __version__

#: Bytes of an answer that are read; nobody looks at them.
_MOST_ANSWER = 16 * 1024
#: Seconds a whole exchange may take.
_ANSWER_S = 15.0
_PREFIX = "whsec_"
#: Standard Webhooks: "between 24 bytes (192 bits) and 64 bytes (512 bits)".
_LEAST_KEY, _MOST_KEY = 24, 64
_MOST_FILE = 4096


class NotDelivered(Exception):
    """It did not get there; the message says what is in the way."""


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the signature in base64."""
    signed = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def read_key(path: Path) -> bytes:
    """The secret of a file: `whsec_` and 24 to 64 bytes in base64. Raises `NotDelivered`."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_FILE).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise NotDelivered(f"{path}: {getattr(problem, 'strerror', None) or 'no secret in it'}") from None
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True) if _PREFIX in text else b""
    except binascii.Error:
        key = b""
    if not _LEAST_KEY <= len(key) <= _MOST_KEY:
        raise NotDelivered(
            f"{path}: write {_PREFIX} and {_LEAST_KEY} to {_MOST_KEY} random bytes in base64 into it, as of "
            f'echo "{_PREFIX}$(openssl rand -base64 32)"'
        )
    return key


def post(url: str, key: bytes, authorities: Path, message_id: str, timestamp: int, body: bytes) -> None:
    """Sends it once; any 2xx is taken as its receipt. Raises `NotDelivered`.

    `authorities`: PEM the server's certificate must lead to.
    """
    # a tenth of what the worker's start takes to load, and most nodes post nothing
    import requests

    from trunkward.fetch.guard import Guard, guarded_session

    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"trunkward/{__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(key, message_id, timestamp, body),
    }
    try:
        with guarded_session(Guard(url, max_bytes=_MOST_ANSWER, answer_s=_ANSWER_S)) as session:
            answer = session.post(url, data=body, headers=headers, verify=str(authorities))
    except requests.RequestException as problem:
        raise NotDelivered(str(problem)[:300]) from None
    except OSError as problem:  # of `authorities`
        raise NotDelivered(f"{authorities}: {problem}") from None
    if answer.status_code // 100 != 2:
        raise NotDelivered(f"answered {answer.status_code}")
