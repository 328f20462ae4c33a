"""Outbound HTTPS to one place, within limits.

Whoever answers may be broken, hostile, or somebody else by now. So every request:

1. goes to the origin (scheme, host, port) that a person wrote down, whatever an answer tells: nobody out
   there can point this machine at its own neighbours;
2. is HTTPS with a checked chain and name, and takes no proxy or password from the environment, nor a cookie;
3. follows no redirect, and takes nothing compressed;
4. ends after so many bytes and so many seconds in all, not just between two packets (`fetch.exchange`).

`requests` is what its users speak, and the library for ACME; what goes over the wire is none of it: its
times are between two packets, and a byte now and then holds it for days.
"""

import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import h11
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from trunkward.fetch.exchange import Answer, Place, TooMuch, exchange

#: Seconds a request may take, from the look for its name to the last byte of the answer.
ANSWER_S = 30.0
#: Bytes of an answer; a chain of certificates has 10 kB.
MAX_BYTES = 256 * 1024
#: Ours to say, of all that `requests` would send.
_OURS = ("connection", "host", "accept-encoding")


class Guarded(requests.RequestException):
    """A request or its answer was not within the limits; the message says which."""


class Guard(BaseAdapter):
    """Lets through what goes to one origin and comes back within the limits."""

    def __init__(
        self, url: str, *, max_bytes: int = MAX_BYTES, answer_s: float = ANSWER_S, name: str = ""
    ) -> None:
        """`url`: any of the one origin. `name`: whose certificate must be there; "": that of its host."""
        super().__init__()
        self._origin = _origin(url)
        self._name = name or self._origin[1]
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
        """One request, with an answer that is here whole. Raises `requests.RequestException`.

        `verify`: PEM file of the authorities the other side's certificate must lead to, or the machine's own.
        Raises `OSError` for one that is none.
        """
        # 1. and 2.
        if _origin(request.url or "") != self._origin:
            raise Guarded(f"was told to go on at {request.url}, which is not {_written(self._origin)}")
        answer = self._answer(request, _trusting(verify if isinstance(verify, str) else None))
        response = _as_requests_has_it(answer, request)
        # 3.
        if response.is_redirect:
            raise Guarded(f"redirects to {response.headers.get('Location')}: write that address instead")
        if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise Guarded("answers compressed, though it was asked not to")
        if not response.ok:
            self.retry_after = response.headers.get("Retry-After", "")
        return response

    def close(self) -> None:
        """Nothing is kept from one request to the next."""

    def _answer(self, request: requests.PreparedRequest, tls: ssl.SSLContext) -> Answer:
        _, host, port = self._origin
        # 4.
        try:
            said, body = self._said(request)
            place = Place(host=host, port=port, name=self._name, tls=tls)
            return exchange(place, said, body, within_s=self._answer_s, max_bytes=self._max_bytes)
        except TimeoutError:
            raise Guarded(f"takes more than {self._answer_s:g} s to answer") from None
        except TooMuch:
            raise Guarded(f"answers with more than {self._max_bytes} bytes") from None
        except h11.RemoteProtocolError as problem:
            raise Guarded(f"answers with something that is not HTTP: {problem}") from None
        except h11.LocalProtocolError as problem:
            raise requests.exceptions.InvalidHeader(str(problem)) from problem
        except ssl.SSLError as problem:
            raise requests.exceptions.SSLError(problem) from problem
        except OSError as problem:
            raise requests.ConnectionError(problem) from problem

    def _said(self, request: requests.PreparedRequest) -> tuple[h11.Request, bytes]:
        """As it goes over the wire. Raises `h11.LocalProtocolError`."""
        _, host, port = self._origin
        bracketed = f"[{host}]" if ":" in host else host
        authority = request.headers.get("Host", bracketed if port == 443 else f"{bracketed}:{port}")
        headers = {b"Host": authority, b"Connection": "close", b"Accept-Encoding": "identity"}
        headers |= {
            name.encode("ascii"): value
            for name, value in request.headers.items()
            if name.lower() not in _OURS
        }
        said = h11.Request(
            method=request.method or "GET",
            target=request.path_url,
            headers=[(name, _bytes(value)) for name, value in headers.items()],
        )
        body = request.body or b""
        if not isinstance(body, str | bytes):
            raise TypeError("a body that is read piece by piece is none of ours")
        return said, _bytes(body)


def guarded_session(guard: Guard) -> requests.Session:
    """A session that has no other way out than `guard`."""
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    session.mount("https://", guard)
    return session


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def cause(problem: BaseException) -> str:
    """The innermost cause: what surrounds it names the library's classes."""
    inner = problem
    while under := inner.__cause__ or (None if inner.__suppress_context__ else inner.__context__):
        inner = under
    return str(inner) or type(inner).__name__


def _trusting(authorities: str | None) -> ssl.SSLContext:
    """Raises `OSError` for a file that is not there, `requests.RequestException` for one that is no PEM."""
    try:
        tls = ssl.create_default_context(cafile=authorities)
    except ssl.SSLError as problem:
        raise requests.exceptions.SSLError(f"{authorities}: {problem}") from problem
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.set_alpn_protocols(["http/1.1"])
    return tls


def _as_requests_has_it(answer: Answer, request: requests.PreparedRequest) -> requests.Response:
    response = requests.Response()
    response.request, response.url = request, request.url or ""
    response.status_code = answer.status
    response.reason = answer.reason or _phrase(answer.status)
    headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    for name, value in answer.headers:  # RFC 9110 section 5.3: one field, or several of one name
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    response.headers = headers
    response.encoding = get_encoding_from_headers(headers)
    # what `requests` itself keeps there after reading
    response._content, response._content_consumed = bytes(answer.body), True
    return response


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


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
