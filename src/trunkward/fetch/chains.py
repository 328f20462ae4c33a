"""Fetching a certificate chain from a URL that a stranger wrote into a call.

Whoever calls chooses the URL, and may own its host, its names and all that it answers. So every fetch:

1. obeys the rules for such URLs (`shaken.x5u`): https, port 443 or 8443, no userinfo, query, fragment or
   address;
2. asks DNS once, and refuses a host of which one address is special (RFC 6890): whoever answers differently
   the next time is not asked again;
3. connects to an address that was looked at;
4. speaks TLS 1.2 or later with a checked chain and name;
5. takes one answer, 200, from that connection: no redirect, no compression;
6. reads a bounded number of bytes, and keeps a bounded body;
7. takes nothing for a chain but one to six certificates in PEM, and nothing beside them; what is kept is
   written anew from them, so nobody keeps bytes of his own here;
8. is over at its deadline, whatever stage it is at.

h11 parses (a protocol without a socket, so all limits and times are ours); `requests`, which other fetches
here use, has time limits between two packets only, and its parser reads headers without an end.
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from types import MappingProxyType

import h11
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from trunkward import __version__
from trunkward.fetch.addresses import why_refused
from trunkward.routing.ports import NamesUnavailable, ZoneUnavailable
from trunkward.shaken.causes import Refused
from trunkward.shaken.unreadable import UNREADABLE
from trunkward.shaken.x5u import NO_EXCEPTION, CertificateUrl, UrlRules, read_url
from trunkward.trunks.model import Address, Network

#: Seconds for everything: a caller waits meanwhile.
DEADLINE_S = 2.0
#: Bytes of a chain, decoded; one of three certificates has 4,000.
MAX_BODY = 16 * 1024
#: Bytes of an answer's head, and of all that comes with a body of `MAX_BODY`, its framing included.
_MAX_HEAD = 16 * 1024
_MAX_RECEIVED = 64 * 1024
#: Certificates of a chain (`shaken.certificate.MAX_CHAIN`).
MAX_CERTIFICATES = 6
#: Addresses of a host that are tried.
_MOST_ADDRESSES = 3
_PIECE = 8 * 1024
#: RFC 8555 section 9.1: `stricttextualmsg` (RFC 7468 section 3) one after the other, without any other text.
_CHAIN = re.compile(
    rb"\s*+(?:-----BEGIN CERTIFICATE-----\s++[A-Za-z0-9+/=\s]++-----END CERTIFICATE-----\s*+)++"
)


class Why(StrEnum):
    """Why there is no chain; stable codes, for metrics and records."""

    URL = "url-refused"
    NAME = "host-not-found"
    #: Its own name servers say nothing, while ours do.
    ZONE = "host-dns-failed"
    #: Ours say nothing to anybody.
    DNS = "dns-failed"
    ADDRESS = "address-refused"
    CONNECTION = "connection-failed"
    TLS = "tls-failed"
    HTTP = "http-malformed"
    STATUS = "http-status"
    REDIRECT = "redirected"
    ENCODING = "encoded"
    SIZE = "too-large"
    CONTENT = "not-a-chain"
    DEADLINE = "deadline"
    #: Not fetched at all: too many others are being fetched.
    BUSY = "too-many-fetches"


class Fault(StrEnum):
    """Whose fault it is that there is no chain; ours refuses no call."""

    #: Of whoever wrote the URL into the call: 436 (RFC 8224 section 6.2.2).
    SENDER = "sender"
    #: A limit of ours, which whoever calls may have reached himself.
    LIMIT = "limit"
    #: Ours, whoever calls: at this moment nobody's chain could be had.
    NODE = "node"


#: What a stranger's host, name servers and bytes can bring about is his; else whoever signs badly would only
#: have to see to it that nobody can look.
FAULT_OF: Mapping[Why, Fault] = MappingProxyType(
    {
        Why.URL: Fault.SENDER,
        Why.NAME: Fault.SENDER,
        Why.ZONE: Fault.SENDER,
        Why.DNS: Fault.NODE,
        Why.ADDRESS: Fault.SENDER,
        Why.CONNECTION: Fault.SENDER,
        Why.TLS: Fault.SENDER,
        Why.HTTP: Fault.SENDER,
        Why.STATUS: Fault.SENDER,
        Why.REDIRECT: Fault.SENDER,
        Why.ENCODING: Fault.SENDER,
        Why.SIZE: Fault.SENDER,
        Why.CONTENT: Fault.SENDER,
        Why.DEADLINE: Fault.SENDER,
        Why.BUSY: Fault.LIMIT,
    }
)


def fault_of(why: str) -> Fault:
    """Of a code as it was told; one nobody here knows refuses nobody."""
    try:
        return FAULT_OF[Why(why)]
    except ValueError:
        return Fault.LIMIT


class NotFetched(Exception):
    """There is no chain behind a URL; `why` for machines, `detail` for people."""

    def __init__(self, why: Why, detail: str = "") -> None:
        """Keep both."""
        super().__init__(f"{why}: {detail}" if detail else str(why))
        self.why = why
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A chain that came."""

    #: PEM, written anew from the certificates; nobody has looked yet at who signed them.
    chain: bytes
    #: Of the answer, by lower-case name, for how long it may be kept.
    headers: Mapping[str, str]
    #: Seconds since the epoch: when the first of its certificates ends.
    not_after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How chains are fetched from a node."""

    #: A name's addresses, all of them; asked once a fetch. Raises `NamesUnavailable`, and of these
    #: `ZoneUnavailable` where DNS itself is there.
    resolve: Callable[[str], Awaitable[Sequence[Address]]]
    #: Checks chain and name of hosts.
    tls: ssl.SSLContext
    #: Networks that may be fetched from though they are special.
    exempt: Collection[Network] = ()
    rules: UrlRules = NO_EXCEPTION
    deadline_s: float = DEADLINE_S


def host_context(authorities: str) -> ssl.SSLContext:
    """What hosts must show; `authorities` is a PEM file. It says who serves a chain, not who signs calls."""
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


async def fetch(url: str, way: Way) -> Fetched:
    """The chain behind a URL. Raises `NotFetched`, at the latest after `way.deadline_s` seconds."""
    # 1.
    try:
        place = read_url(url, way.rules)
    except Refused as refused:
        raise NotFetched(Why.URL, refused.text) from None
    # 8.
    try:
        async with asyncio.timeout(way.deadline_s):
            return await _fetch(place, way)
    except TimeoutError:
        raise NotFetched(Why.DEADLINE, f"more than {way.deadline_s:g} s") from None


async def _fetch(place: CertificateUrl, way: Way) -> Fetched:
    # 2.
    addresses = await _addresses(place.host, way)
    # 3. and 4.
    reader, writer = await _connected(place, addresses, way)
    try:
        # 5. and 6.
        headers, body = await _answer(place, reader, writer)
    except OSError as problem:
        raise NotFetched(Why.CONNECTION, str(problem)) from None
    finally:
        writer.transport.abort()  # whoever is sending a gigabyte is not waited for
    # 7.
    chain, not_after_s = _read(body)
    return Fetched(chain=chain, headers=headers, not_after_s=not_after_s)


async def _addresses(host: str, way: Way) -> Sequence[Address]:
    try:
        found: Sequence[Address] = [ip_address(host.strip("[]"))]
    except ValueError:
        try:
            found = await way.resolve(host)
        except ZoneUnavailable as lost:
            raise NotFetched(Why.ZONE, str(lost)) from None
        except NamesUnavailable as lost:
            raise NotFetched(Why.DNS, str(lost)) from None
    if not found:
        raise NotFetched(Why.NAME, f"{host} has no address")
    if why := why_refused(found, way.exempt):
        raise NotFetched(Why.ADDRESS, f"{host}: {why}")
    return found[:_MOST_ADDRESSES]


async def _connected(
    place: CertificateUrl, addresses: Sequence[Address], way: Way
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TLS connection to the first address that takes one; each has its share of what time is left."""
    share_s = way.deadline_s / len(addresses)
    problem = NotFetched(Why.CONNECTION)
    for address in addresses:
        try:
            async with asyncio.timeout(share_s):
                return await asyncio.open_connection(
                    str(address), place.port, ssl=way.tls, server_hostname=place.host, limit=_PIECE
                )
        except ssl.SSLError as refused:  # another address of the same host has no better certificate
            raise NotFetched(Why.TLS, f"{place.host} at {address}: {_said(refused)}") from None
        except OSError as lost:
            problem = NotFetched(Why.CONNECTION, f"{place.host} at {address}: {_said(lost)}")
    raise problem


def _said(problem: OSError) -> str:
    if isinstance(problem, TimeoutError):
        return "no answer"
    return getattr(problem, "verify_message", "") or problem.strerror or str(problem)


async def _answer(
    place: CertificateUrl, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[dict[str, str], bytes]:
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
    writer.write(http.send(_request(place)) or b"")
    writer.write(http.send(h11.EndOfMessage()) or b"")
    headers, body, received = dict[str, str](), bytearray(), 0
    while True:
        try:
            event = http.next_event()
        except h11.RemoteProtocolError as problem:
            raise NotFetched(Why.HTTP, str(problem)) from None
        match event:
            case h11.NEED_DATA:
                piece = await reader.read(_PIECE)
                received += len(piece)
                if received > _MAX_RECEIVED:
                    raise NotFetched(Why.SIZE, f"more than {_MAX_RECEIVED} bytes, head and framing included")
                http.receive_data(piece)
            case h11.Response():
                headers = _head(event)
            case h11.Data():
                body += event.data
                if len(body) > MAX_BODY:
                    raise NotFetched(Why.SIZE, f"more than {MAX_BODY} bytes")
            case h11.EndOfMessage():
                return headers, bytes(body)
            case h11.InformationalResponse():
                pass  # bounded like everything that comes
            case _:
                raise NotFetched(Why.HTTP, "the connection ended before the answer")


def _request(place: CertificateUrl) -> h11.Request:
    host = place.host if place.port == 443 else f"{place.host}:{place.port}"
    return h11.Request(
        method="GET",
        target=place.path,
        headers=[
            ("Host", host),
            ("Accept", "application/pem-certificate-chain, */*;q=0.5"),
            ("Accept-Encoding", "identity"),
            ("User-Agent", f"trunkward/{__version__}"),
            ("Connection", "close"),
        ],
    )


def _head(answer: h11.Response) -> dict[str, str]:
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in answer.headers}
    if 300 <= answer.status_code < 400:
        raise NotFetched(Why.REDIRECT, f"{answer.status_code}")
    if answer.status_code != 200:
        raise NotFetched(Why.STATUS, f"{answer.status_code}")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise NotFetched(Why.ENCODING, "compressed, though it was asked not to be")
    length = headers.get("content-length", "0")
    if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:  # h11 takes digits only
        raise NotFetched(Why.SIZE, f"says it has {length[:20]} bytes")
    return headers


def _read(body: bytes) -> tuple[bytes, float]:
    """A body's certificates, written anew, and when the first of them ends (seconds since the epoch)."""
    if not _CHAIN.fullmatch(body):
        raise NotFetched(Why.CONTENT, "not certificates in PEM alone (RFC 8555 section 9.1)")
    try:
        chain = x509.load_pem_x509_certificates(body)
        first_end = min(one.not_valid_after_utc.timestamp() for one in chain)
        pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
    except UNREADABLE:
        raise NotFetched(Why.CONTENT, "no certificates in PEM") from None
    if len(chain) > MAX_CERTIFICATES:
        raise NotFetched(Why.CONTENT, f"{len(chain)} certificates")
    if len(pem) > MAX_BODY:  # its lines were longer than those of PEM
        raise NotFetched(Why.SIZE, f"{len(pem)} bytes of PEM")
    return pem, first_end
