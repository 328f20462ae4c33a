"""Outbound HTTPS to one place, within limits.

Whoever answers may be broken, hostile, or somebody else by now. So every request:

1. goes to the origin (scheme, host, port) that a person wrote down, whatever an answer tells: nobody out
   there can point this machine at its own neighbours;
2. is HTTPS with a checked chain and name, and takes no proxy or password from the environment;
3. follows no redirect;
4. ends after so many bytes and so many seconds in all, not just between two packets.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

#: Seconds to connect, and between two packets.
CONNECT_S = 10.0
#: Seconds a whole answer may take.
ANSWER_S = 30.0
#: Bytes of an answer; a chain of certificates has 10 kB.
MAX_BYTES = 256 * 1024
_CHUNK = 16 * 1024


class Guarded(requests.RequestException):
    """A request or its answer was not within the limits; the message says which."""


class Guard(HTTPAdapter):
    """Lets through what goes to one origin and comes back within the limits."""

    def __init__(self, url: str, *, max_bytes: int = MAX_BYTES, answer_s: float = ANSWER_S) -> None:
        """`url`: any of the one origin."""
        super().__init__(max_retries=0)
        self._origin = _origin(url)
        self._max_bytes = max_bytes
        self._answer_s = answer_s
        #: `Retry-After` of the last refusal, as it was written; "" for none.
        self.retry_after = ""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """One request, with an answer that is here whole. Raises `requests.RequestException`."""
        # 1. and 2.
        if _origin(request.url or "") != self._origin:
            raise Guarded(f"was told to go on at {request.url}, which is not {_written(self._origin)}")
        until = time.monotonic() + self._answer_s
        response = super().send(request, stream=True, timeout=(CONNECT_S, CONNECT_S), verify=verify)
        try:
            # 3.
            if response.is_redirect:
                raise Guarded(f"redirects to {response.headers.get('Location')}: write that address instead")
            # 4.
            content = bytearray()
            for chunk in response.iter_content(_CHUNK):
                content += chunk
                if len(content) > self._max_bytes:
                    raise Guarded(f"answers with more than {self._max_bytes} bytes")
                if time.monotonic() > until:
                    raise Guarded(f"takes more than {self._answer_s:.0f} s to answer")
        finally:
            response.close()
        response._content = bytes(content)  # what `requests` itself keeps there after reading
        if not response.ok:
            self.retry_after = response.headers.get("Retry-After", "")
        return response


def guarded_session(guard: Guard) -> requests.Session:
    """A session that has no other way out than `guard`."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Accept-Encoding"] = "identity"
    session.adapters.clear()
    session.mount("https://", guard)
    return session


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise Guarded(f"{url}: not a plain https URL")
    try:
        return parts.scheme, parts.hostname, parts.port or 443
    except ValueError:
        raise Guarded(f"{url}: not a URL") from None


def _written(origin: tuple[str, str, int]) -> str:
    scheme, host, port = origin
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
