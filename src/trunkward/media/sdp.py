"""SDP (RFC 8866) read just deep enough to judge it, strictly, with its bytes left alone.

Standard library only: the edge, which runs inside Kamailio, may use it too.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from trunkward.media.suites import KEY_BYTES

#: Our limits; a real offer has 1 to 4 kB, 20 to 80 lines and one or two media.
MAX_CHARACTERS = 16 * 1024
MAX_LINES = 400
MAX_LINE = 2048
MAX_MEDIA = 8
#: Media below it is nobody's; 9 is what trickle ICE writes, which we don't speak.
MIN_PORT = 1024

PLAIN = frozenset({"RTP/AVP", "RTP/AVPF"})
SDES = frozenset({"RTP/SAVP", "RTP/SAVPF"})
DTLS = frozenset({"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"})
#: What rtpengine is told of an SDP whose address does not count: that of its side's signalling does, which
#: the edge tells besides. Packets are not asked: rtpengine 12.5 learns from them before it checks tags.
BY_SIGNALLING = "SIP-source-address"

_ENDED = re.compile(r"[^\n]*\n|[^\n]+$")
#: Whole lines of at most `MAX_LINE` characters, each like `_LINE`.
_LINES = re.compile(rf"(?:[a-z]=[^\x00-\x08\x0a-\x1f\x7f]{{0,{MAX_LINE - 2}}}\r?\n)+")
_LINE = re.compile(r"[a-z]=[^\x00-\x08\x0b-\x1f\x7f]*")
#: RFC 8866 section 5.2: 64-bit numbers, and an address of the kinds `c=` has.
_ORIGIN = re.compile(r"o=\S{1,256} [0-9]{1,20} ([0-9]{1,20}) (IN IP[46] [^\s]{1,256})", re.ASCII)
_MEDIA = re.compile(r"m=([a-z]+) ([0-9]{1,5}) ([A-Za-z/]+)((?: [\x21-\x7e]+)+)", re.ASCII)
_CRYPTO = re.compile(r"a=crypto:([0-9]{1,9}) ([A-Za-z0-9_]+) ([^ ]+)(?: (.*))?", re.ASCII)
#: RFC 4568 section 6.1: one key, perhaps a lifetime, perhaps an MKI.
_INLINE = re.compile(
    r"inline:([A-Za-z0-9+/]+={0,2})(?:\|(?:2\^[0-9]{1,2}|[0-9]{1,15}))?(?:\|[0-9]{1,10}:[0-9]{1,3})?",
    re.ASCII,
)


class MalformedSdp(ValueError):
    """Not an SDP we can judge; the message says why and holds no part of a key."""


class Crypto(NamedTuple):
    """One `a=crypto` line."""

    #: Index into the SDP's lines.
    line: int
    tag: int
    suite: str
    #: Its key is of the suite's length and its form is known to us.
    well_formed: bool
    #: RFC 4568 section 6.3, such as `UNENCRYPTED_SRTP`.
    session_parameters: str


class Media(NamedTuple):
    """One `m=` section."""

    kind: str
    port: int
    protocol: str
    #: `IP4` or `IP6`, of the address it is to be sent to; "" for a stream not wanted that names none.
    family: str
    crypto: tuple[Crypto, ...]
    #: Hash functions of its `a=fingerprint` lines, the session's included, lower-case.
    fingerprints: tuple[str, ...]

    @property
    def rejected(self) -> bool:
        """RFC 3264 section 6: port 0 says this stream is not wanted."""
        return self.port == 0


class Sdp(NamedTuple):
    """An SDP and what we read of it."""

    #: With their line ends, so that joining them gives the received bytes.
    lines: tuple[str, ...]
    media: tuple[Media, ...]

    def without_lines(self, dropped: set[int]) -> str:
        """The text with some lines taken out and everything else as it came."""
        return "".join([line for index, line in enumerate(self.lines) if index not in dropped])


def parse_sdp(text: str) -> Sdp:
    """Read an SDP. Raises `MalformedSdp`."""
    lines = _lines(text)
    bare = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    origin_of(bare)
    starts = [index for index, line in enumerate(bare) if line.startswith("m=")]
    if not 0 < len(starts) <= MAX_MEDIA:
        raise MalformedSdp(f"an SDP has 1 to {MAX_MEDIA} m= lines")
    session = bare[: starts[0]]
    if [line for line in session[3:] if line.startswith(("o=", "s="))]:
        raise MalformedSdp("an SDP has one o= line and one s= line")
    if [line for line in session if line.startswith("a=crypto")]:
        raise MalformedSdp(
            "a=crypto stands in a media section, not before the first m= line (RFC 4568 section 5)"
        )
    connected = _connection(session)
    fingerprints = _fingerprints(session)
    ends = [*starts[1:], len(bare)]
    media = [
        _section(bare, start, end, connected, fingerprints) for start, end in zip(starts, ends, strict=True)
    ]
    return Sdp(lines=lines, media=tuple(media))


def origin_of(lines: Sequence[str]) -> tuple[int, str]:
    """Version and address of an SDP's `o=`, which stands where it must (RFC 8866 section 5).

    Raises `MalformedSdp`: a version that cannot be counted on is a session that cannot be told apart.
    """
    if len(lines) < 3 or lines[0] != "v=0" or not lines[2].startswith("s="):
        raise MalformedSdp("an SDP begins with v=0, o= and s= lines")
    found = _ORIGIN.fullmatch(lines[1])
    if found is None:
        raise MalformedSdp("an o= line that is not name, session number, version and IP address")
    return int(found[1]), found[2]


def protocol_of(text: str) -> str:
    """Protocol of the first stream in use, "" when none is. Raises `MalformedSdp`."""
    return next((media.protocol for media in parse_sdp(text).media if not media.rejected), "")


def family_of(text: str) -> str:
    """Address family (`IP4`, `IP6`) of the first stream in use, "" when none is. Raises `MalformedSdp`."""
    return next((media.family for media in parse_sdp(text).media if not media.rejected), "")


def keep_family(text: str, family: str) -> None:
    """Raises `MalformedSdp` for a description of another address family than its leg has ("": any)."""
    if family and any(media.family != family for media in parse_sdp(text).media if not media.rejected):
        raise MalformedSdp(f"a leg keeps its address family; write c=IN {family}")


def keep_protocol(text: str, protocol: str) -> None:
    """Raises `MalformedSdp` for an in-dialog offer of another protocol than its leg has."""
    if any(media.protocol != protocol for media in parse_sdp(text).media if not media.rejected):
        raise MalformedSdp(f"a running call keeps its protocol; offer {protocol or 'a stream'} again")


def keep_suite(text: str, suite: str) -> str:
    """An in-dialog offer with only the `a=crypto` lines of `suite`; "" for a leg without SDES: none.

    rtpengine copies the offerer's keys of every suite it may offer to the other side, so what a
    leg did not negotiate is taken out before rtpengine sees it. Raises `MalformedSdp`, also when a
    stream in use would be left without one: the peer wants to change its suite, which we refuse.
    """
    sdp = parse_sdp(text)
    dropped: set[int] = set()
    for media in sdp.media:
        keep = next((c for c in media.crypto if suite and c.suite == suite and _usable(c)), None)
        if suite and keep is None and not media.rejected:
            raise MalformedSdp(f"a running call keeps its SRTP suite; offer {suite} again")
        dropped |= {c.line for c in media.crypto if c is not keep}
    return sdp.without_lines(dropped)


def _usable(crypto: Crypto) -> bool:
    return crypto.well_formed and not crypto.session_parameters


def _lines(text: str) -> tuple[str, ...]:
    if len(text) > MAX_CHARACTERS:
        raise MalformedSdp(f"longer than {MAX_CHARACTERS} characters")
    # not splitlines(): that also ends lines where SDP does not
    lines = tuple(_ENDED.findall(text))
    if not 0 < len(lines) <= MAX_LINES:
        raise MalformedSdp(f"an SDP has 1 to {MAX_LINES} lines")
    if _LINES.fullmatch(text):  # all at once, as nearly every call's are
        return lines
    for number, line in enumerate(lines, 1):
        bare = line[:-2] if line.endswith("\r\n") else line.removesuffix("\n")
        if len(bare) > MAX_LINE or not _LINE.fullmatch(bare):
            raise MalformedSdp(f"line {number} is no SDP line of at most {MAX_LINE} characters")
    return lines


def _connection(section: list[str]) -> str:
    """Address family of a section's `c=`, "" when it has none."""
    fits = ""
    found = [line[2:] for line in section if line.startswith("c=")]
    for line in found:
        network, _, rest = line.partition(" ")
        family, _, host = rest.partition(" ")
        if not (fits := _family(host)):
            raise MalformedSdp("a c= line without one IP address")
        if network != "IN" or family != fits:
            raise MalformedSdp("a c= line that is not IN, IP4 or IP6, and an address of that family")
    return fits


@lru_cache(maxsize=16_384)
def _family(host: str) -> str:
    """`IP4` or `IP6`, "" for text that is no unicast address; peers offer the same ones again."""
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    return "" if address.is_multicast else f"IP{address.version}"


def _fingerprints(section: list[str]) -> tuple[str, ...]:
    # RFC 8122 section 5
    lines = [line.removeprefix("a=fingerprint:") for line in section if line.startswith("a=fingerprint:")]
    return tuple([line.partition(" ")[0].lower() for line in lines])


def _section(
    bare: list[str], start: int, end: int, connected: str, session_fingerprints: tuple[str, ...]
) -> Media:
    found = _MEDIA.fullmatch(bare[start])
    if not found:
        raise MalformedSdp("an m= line that is not media, one port, protocol and formats")
    kind, port, protocol = found[1], int(found[2]), found[3]
    if port and not MIN_PORT <= port < 65_536:
        raise MalformedSdp(f"a media port outside {MIN_PORT} to 65535")
    section = bare[start + 1 : end]
    family = _connection(section) or connected
    if not family and port:
        raise MalformedSdp("an m= section without a c= line")
    crypto = [
        _crypto(line, index) for index, line in enumerate(section, start + 1) if line.startswith("a=crypto")
    ]
    tags = [line.tag for line in crypto]
    if len(set(tags)) != len(tags):
        raise MalformedSdp("two a=crypto lines with one tag (RFC 4568 section 4.1)")
    return Media(
        kind=kind,
        port=port,
        protocol=protocol,
        family=family,
        crypto=tuple(crypto),
        fingerprints=_fingerprints(section) or session_fingerprints,
    )


def _crypto(line: str, index: int) -> Crypto:
    found = _CRYPTO.fullmatch(line)
    if not found:
        raise MalformedSdp("an a=crypto line that is not tag, suite and key (RFC 4568 section 9.1)")
    suite, key, parameters = found[2], _INLINE.fullmatch(found[3]), found[4] or ""
    well_formed = key is not None and suite in KEY_BYTES and _key_length(key[1]) == KEY_BYTES[suite]
    return Crypto(
        line=index,
        tag=int(found[1]),
        suite=suite,
        well_formed=well_formed,
        session_parameters=parameters.strip(),
    )


def _key_length(text: str) -> int:
    bare = text.rstrip("=")
    try:
        return len(base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True))
    except binascii.Error:
        return -1
