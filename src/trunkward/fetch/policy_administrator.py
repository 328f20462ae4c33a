"""The policy administrator of SHAKEN (STI-PA): authority tokens, the trusted list, the revocation list.

Two ways in: with an account, for tokens; without, for what everybody may have. All within the guard's limits.
What comes is handed on as it is: whether it may be believed is for `shaken` to say.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from trunkward import __version__
from trunkward.fetch.guard import Guard, cause, guarded_session

#: Bytes of the trusted list: a dozen authorities of 1 kB, many times over.
MAX_LIST_BYTES = 256 * 1024
#: Bytes of a revocation list: some 20,000 entries of 200 bytes.
MAX_REVOCATIONS_BYTES = 4 * 1024 * 1024
_MAX_SAID = 300


class PolicyFailed(Exception):
    """The administrator did not give what was asked for; the message says who said what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Our account there."""

    #: What stands in the path: the provider's identifier, often its code.
    account: str
    user: str
    password: Path


class PolicyAdministrator:
    """One of them. Blocks; keeps nothing between two questions."""

    def __init__(self, url: str, trusted: Path) -> None:
        """`url`: without a path; `trusted`: PEM of the authorities its HTTPS certificate must lead to."""
        self._url, self._trusted = url.rstrip("/"), trusted

    def token(self, login: Login, atc: dict[str, object]) -> str:
        """An authority token for what `atc` says (RFC 9448 section 5.4). Raises `PolicyFailed`."""
        try:
            password = login.password.read_text(encoding="utf-8").strip()
        except OSError as problem:
            raise PolicyFailed(f"{login.password}: {problem.strerror}") from None
        with self._session(MAX_LIST_BYTES) as session:
            body = {"userId": login.user, "password": password}
            access = self._asked(session, "POST", "/api/v1/auth/login", "accessToken", json=body)
            return self._asked(
                session,
                "POST",
                f"/api/v1/account/{login.account}/token",
                "token",
                json={"atc": atc},
                headers={"Authorization": access},
            )

    def trusted_list(self) -> bytes:
        """The list of trusted authorities: a JWT, as it was received. Raises `PolicyFailed`."""
        with self._session(MAX_LIST_BYTES) as session:
            return self._asked(session, "GET", "/api/v1/ca-list", "caList").encode("utf-8")

    def revocations(self) -> bytes:
        """The indirect revocation list, DER or PEM, as it was received. Raises `PolicyFailed`."""
        with self._session(MAX_REVOCATIONS_BYTES) as session:
            return self._sent(session, "GET", "/download/v1/crl").content

    def _session(self, max_bytes: int) -> requests.Session:
        session = guarded_session(Guard(self._url, max_bytes=max_bytes))
        session.verify = str(self._trusted)
        session.headers["User-Agent"] = f"trunkward/{__version__}"
        return session

    def _asked(self, session: requests.Session, method: str, path: str, key: str, **more: Any) -> str:
        response = self._sent(session, method, path, **more)
        try:
            document = response.json()
        except ValueError:
            document = None
        value = document.get(key) if isinstance(document, dict) else None
        if not isinstance(value, str) or not value:
            raise PolicyFailed(f"{self._url}{path} answered without {key}: {_said(response)}")
        return value

    def _sent(self, session: requests.Session, method: str, path: str, **more: Any) -> requests.Response:
        try:
            response = session.request(method, self._url + path, **more)
        except requests.RequestException as problem:
            raise PolicyFailed(f"{self._url}{path}: {cause(problem)}") from None
        if response.status_code != requests.codes.ok:
            raise PolicyFailed(f"{self._url}{path} answered {response.status_code}: {_said(response)}")
        return response


def _said(response: requests.Response) -> str:
    """What it says of the reason, or the beginning of whatever it said, on one line."""
    try:
        document = response.json()
        text = str(document.get("message") or document) if isinstance(document, dict) else str(document)
    except ValueError:
        text = response.text
    return "".join(c if c.isprintable() else " " for c in text)[:_MAX_SAID] or "nothing"
