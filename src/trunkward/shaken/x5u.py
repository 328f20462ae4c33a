"""Which URLs a certificate may be published at and fetched from (ATIS-1000074, ATIS-1000080; RFC 3986).

Where a name leads is not seen here: whoever connects checks the addresses it resolves to.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from trunkward.shaken.causes import Cause, Refused

#: Longest URL, in characters (our limit; the longest of 17,839 published ones has 106).
MAX_URL = 256

#: RFC 3986 section 3.2.2 takes far more for a host. Two labels at least: one alone is of one's own network.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})++", re.ASCII)
_LABELS = re.compile(rf"{_LABEL}(?:\.{_LABEL})*+", re.ASCII)
#: An IPv4 address in any spelling `inet_aton` takes: its last label is a number, as no domain's is.
_NUMERIC = re.compile(r"(?:[^.]*\.)*+(?:[0-9]+|0[xX][0-9A-Fa-f]*)", re.ASCII)
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
#: RFC 3986 section 3.3: `pchar` and slashes. No percent sign without its two digits.
_PATH = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*+", re.ASCII)
#: Names that never lead to a host of the public Internet (RFC 6761, 6762, 8375; ICANN's `internal`).
_LOCAL = (
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "home.arpa",
    "invalid",
    "test",
    "onion",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UrlRules:
    """The rules for hosts and ports; only a test or a lab has others than `NO_EXCEPTION`.

    Each is itself alone (`eq`): so what was read by it is found again soonest.
    """

    ports: frozenset[int] = frozenset({443, 8443})
    #: A host may be an IPv4 address in its usual form.
    addresses: bool = False
    #: A host may be a name of one's own network: one label, `localhost`, `.test` and such.
    local_names: bool = False


NO_EXCEPTION = UrlRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateUrl:
    """A URL in its parts, after all rules."""

    text: str
    #: Lower-case.
    host: str
    port: int
    path: str


@lru_cache(maxsize=1024)  # every call of a signer comes with the same
def read_url(text: str, rules: UrlRules = NO_EXCEPTION) -> CertificateUrl:
    """Take a URL apart. Raises `Refused` (436, url-refused) with the rule it breaks.

    1. At most 256 characters.
    2. `https`, in lower case as all published ones are.
    3. No user information, query or fragment: nothing a server could be asked, nothing that hides the host.
    4. Port 443 or 8443, and never an empty one.
    5. The host is a name of ASCII letters, digits and hyphens, without a dot at its end: no address in any
       spelling, no name of a network of one's own.
    6. A path of characters that stand for themselves, or none.
    """
    # 1.
    if len(text) > MAX_URL:
        raise _refused("longer than 256 characters")
    # 2.
    if not text.startswith("https://"):
        raise _refused("not https")
    authority, slash, rest = text[8:].partition("/")
    # 3.
    for character, what in (("@", "user information"), ("?", "a query"), ("#", "a fragment")):
        if character in authority or (character != "@" and character in rest):
            raise _refused(what)
    # 4.
    host, colon, port_text = authority.partition(":")
    if colon and not _PORT.fullmatch(port_text):
        raise _refused("a port that is none, or an address of IPv6")
    port = int(port_text) if colon else 443
    if port not in rules.ports:
        raise _refused(f"port {port}")
    # 5.
    _check_host(host, rules)
    # 6.
    path = slash + rest
    if path and not _PATH.fullmatch(path):
        raise _refused("a path with characters that must be escaped")
    return CertificateUrl(text=text, host=host.lower(), port=port, path=path or "/")


def _check_host(host: str, rules: UrlRules) -> None:
    if _NUMERIC.fullmatch(host):
        if not (rules.addresses and _IPV4.fullmatch(host)):
            raise _refused("a host that is an address")
        return
    name = _LABELS if rules.local_names else _NAME
    local = f".{host.lower()}".endswith(_LOCAL) and not rules.local_names
    if len(host) > 253 or local or not name.fullmatch(host):
        raise _refused("a host that is no name of the public Internet")


def _refused(why: str) -> Refused:
    return Refused(Cause.URL_REFUSED, why)
