"""What a caller offered, judged by what its side must offer."""

from enum import StrEnum

import msgspec

from trunkward.calls.verdict import Reason
from trunkward.media.refusal import MediaRefused
from trunkward.media.sdp import DTLS, PLAIN, SDES, Crypto, MalformedSdp, Media, Sdp, parse_sdp
from trunkward.media.suites import ALLOWED
from trunkward.trunks.model import MediaPolicy

_SECURE = SDES | DTLS
#: RFC 8122 section 5 with what is left of its hash functions.
_FINGERPRINTS = frozenset({"sha-256", "sha-384", "sha-512"})


class Keying(StrEnum):
    """How a leg gets its keys; the values are those of `LegFacts.key_source`."""

    NONE = "none"
    SDES = "sdes"
    DTLS = "dtls-srtp"


class LegPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What one side of a call must speak."""

    media: MediaPolicy
    #: SRTP suites in order of preference; only allowed ones count.
    suites: tuple[str, ...]
    #: Its signalling is TLS: RFC 4568 section 7 lets SDES keys travel on nothing less.
    confidential: bool
    #: Address families (`IP4`, `IP6`) this node has media addresses of.
    families: frozenset[str] = frozenset({"IP4", "IP6"})
    #: Its media is where its signalling comes from (`trunks.model.Trunk.behind_nat`).
    behind_nat: bool = False


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """An offer found acceptable, and pruned."""

    keying: Keying
    #: Protocol of its streams, as the answer must name it.
    protocol: str
    #: `IP4` or `IP6`: where its media is to be sent.
    family: str
    #: The one SRTP suite left in it; "" without SDES.
    suite: str
    #: The received text without the `a=crypto` lines that lost; otherwise byte-identical.
    sdp: str
    #: The address in it does not count: that of its side's signalling does.
    behind_nat: bool = False


def read_offer(content_type: str, body: str, policy: LegPolicy) -> Offer:
    """Judge the offer of an initial INVITE. Raises `MediaRefused`.

    1. There is an offer, one `application/sdp` body.
    2. It is well-formed, with at least one stream in use, all of them protected the same way, and of one
       address family, which this node has.
    3. A side that must speak SRTP offers it.
    4. SDES keys come over TLS only.
    5. At least one SRTP suite is allowed, its key well-formed, nothing switched off in it.
    """
    # 1.
    if not body.strip():
        raise MediaRefused(
            Reason.NO_OFFER, "an INVITE needs an SDP offer; offers in the answer are not supported"
        )
    if content_type.partition(";")[0].strip().lower() != "application/sdp":
        raise MediaRefused(Reason.NO_OFFER, "the offer must be one application/sdp body")
    # 2.
    try:
        sdp = parse_sdp(body)
    except MalformedSdp as problem:
        raise MediaRefused(Reason.MEDIA_MALFORMED, str(problem)) from problem
    used = [media for media in sdp.media if not media.rejected]
    if "audio" not in [media.kind for media in used]:
        raise MediaRefused(Reason.MEDIA_MALFORMED, "no audio stream with a port")
    # 3.
    protocols = {media.protocol for media in used}
    if policy.media is MediaPolicy.SRTP and not protocols <= _SECURE:
        raise MediaRefused(
            Reason.SRTP_REQUIRED, "every stream must be SRTP: offer RTP/SAVP or UDP/TLS/RTP/SAVP"
        )
    if len(protocols) != 1:
        raise MediaRefused(Reason.MEDIA_MALFORMED, "streams with different protocols in one offer")
    protocol, family = protocols.pop(), _family(used, policy.families)
    if protocol in PLAIN:
        return Offer(
            keying=Keying.NONE,
            protocol=protocol,
            family=family,
            suite="",
            sdp=_without_crypto(sdp),
            behind_nat=policy.behind_nat,
        )
    if protocol in DTLS:
        if any(not media.fingerprints for media in used):
            raise MediaRefused(Reason.MEDIA_MALFORMED, "DTLS-SRTP without a=fingerprint")
        if any(not _FINGERPRINTS.issuperset(media.fingerprints) for media in used):
            raise MediaRefused(Reason.SRTP_SUITE_REFUSED, "an a=fingerprint weaker than sha-256")
        return Offer(
            keying=Keying.DTLS,
            protocol=protocol,
            family=family,
            suite="",
            sdp=_without_crypto(sdp),
            behind_nat=policy.behind_nat,
        )
    if protocol not in SDES:
        raise MediaRefused(Reason.MEDIA_MALFORMED, "a protocol that is not RTP over UDP")
    # 4.
    if not policy.confidential:
        raise MediaRefused(
            Reason.SDES_WITHOUT_TLS, "SRTP keys in SDP need signalling over TLS; offer RTP/AVP here"
        )
    # 5.
    suite = _best_suite([media.crypto for media in used], policy.suites)
    dropped = {line.line for media in sdp.media for line in media.crypto}
    dropped -= {_kept(media.crypto, suite).line for media in used}
    return Offer(
        keying=Keying.SDES,
        protocol=protocol,
        family=family,
        suite=suite,
        sdp=sdp.without_lines(dropped),
        behind_nat=policy.behind_nat,
    )


def _family(used: list[Media], ours: frozenset[str]) -> str:
    families = {media.family for media in used}
    if len(families) != 1:
        raise MediaRefused(Reason.MEDIA_MALFORMED, "streams of different address families in one offer")
    family = families.pop()
    if family not in ours:
        raise MediaRefused(
            Reason.MEDIA_ADDRESS_FAMILY, f"no {family} media here: write c=IN {' or '.join(sorted(ours))}"
        )
    return family


def _best_suite(streams: list[tuple[Crypto, ...]], preferred: tuple[str, ...]) -> str:
    """The first allowed suite that every stream offers; one suite a leg, so that it can be pinned."""
    if () in streams:
        raise MediaRefused(Reason.MEDIA_MALFORMED, "RTP/SAVP without a=crypto")
    everywhere = set.intersection(*[{line.suite for line in stream if _usable(line)} for stream in streams])
    for suite in preferred:
        if suite in ALLOWED and suite in everywhere:
            return suite
    if any(c.suite in ALLOWED and not c.well_formed and not c.session_parameters for s in streams for c in s):
        raise MediaRefused(Reason.MEDIA_MALFORMED, "an a=crypto key that does not fit its suite")
    names = ", ".join(suite for suite in preferred if suite in ALLOWED)
    raise MediaRefused(Reason.SRTP_SUITE_REFUSED, f"offer one of {names}, without session parameters")


def _usable(line: Crypto) -> bool:
    # RFC 4568 section 6.3.8: a session parameter one does not support makes the line invalid
    return line.well_formed and not line.session_parameters


def _kept(stream: tuple[Crypto, ...], suite: str) -> Crypto:
    return next(line for line in stream if line.suite == suite and _usable(line))


def _without_crypto(sdp: Sdp) -> str:
    return sdp.without_lines({line.line for media in sdp.media for line in media.crypto})
