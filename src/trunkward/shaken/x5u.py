"""Which URLs a certificate may be published at and fetched from (ATIS-1000074, ATIS-1000080)."""

from dataclasses import dataclass

#: Longest URL, in characters (our limit; the longest of 17,839 published ones has 106).
MAX_URL = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlRules:
    """The rules for hosts and ports; only a test or a lab has others than `NO_EXCEPTION`."""

    ports: frozenset[int] = frozenset({443, 8443})
    #: Hosts that are an address instead of a name.
    addresses: bool = False


NO_EXCEPTION = UrlRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateUrl:
    """A URL in its parts, after all rules."""

    text: str
    host: str
    port: int
    path: str


def read_url(text: str, rules: UrlRules = NO_EXCEPTION) -> CertificateUrl:
    """Take a URL apart. Raises `Refused` (436, url-refused) with the rule it breaks."""
    raise NotImplementedError
