"""Whether an answer keeps what the offer asked for. Standard library only: the edge asks this."""

from collections.abc import Iterable

from trunkward.media.sdp import DTLS, PLAIN, SDES, MalformedSdp, Media, parse_sdp


class AnswerRefused(Exception):
    """The answer breaks the plan; `code` is a value of `calls.verdict.Reason`."""

    def __init__(self, code: str, detail: str) -> None:
        """`detail` holds nothing of the SDP that could be a key."""
        super().__init__(detail)
        self.code = code


def check_answer(sdp: str, suites: Iterable[str]) -> str:
    """The SRTP suite an answer chose among the offered ones; "" for a plain leg, where none is offered.

    Raises `AnswerRefused`: rtpengine takes a plain answer to an SRTP offer, and gives a call without sound.
    """
    offered = frozenset(suites)
    used = _used(sdp)
    if not offered:
        if any(media.protocol not in PLAIN for media in used):
            raise AnswerRefused("media-malformed", "an answer that is not RTP/AVP to an offer that was")
        return ""
    if any(media.protocol not in SDES for media in used):
        raise AnswerRefused("srtp-required", "an answer without SRTP to an offer of RTP/SAVP")
    chosen = {line.suite for media in used for line in media.crypto}
    for media in used:
        # RFC 4568 section 5.1.2: an answer accepts exactly one
        if len(media.crypto) != 1:
            raise AnswerRefused("media-malformed", "an answer needs exactly one a=crypto line a stream")
        line = media.crypto[0]
        if line.suite not in offered or line.session_parameters:
            raise AnswerRefused("srtp-suite-refused", "an answer with an SRTP suite that was not offered")
        if not line.well_formed:
            raise AnswerRefused("media-malformed", "an a=crypto key that does not fit its suite")
    if len(chosen) > 1:
        raise AnswerRefused("srtp-suite-refused", "streams of one leg with different SRTP suites")
    return chosen.pop() if chosen else ""


def check_later_answer(sdp: str, protocol: str, suite: str) -> None:
    """The same in a running call: a leg keeps the protocol and the suite ("" without SDES) it has.

    Raises `AnswerRefused`.
    """
    used = _used(sdp)
    if any(media.protocol != protocol for media in used):
        raise AnswerRefused("media-malformed", f"an answer that is not {protocol}, as this leg is")
    if protocol in DTLS:
        if any(not media.fingerprints for media in used):
            raise AnswerRefused("media-malformed", "DTLS-SRTP without a=fingerprint")
        return
    check_answer(sdp, [suite] if suite else [])


def _used(sdp: str) -> list[Media]:
    try:
        answer = parse_sdp(sdp)
    except MalformedSdp as problem:
        raise AnswerRefused("media-malformed", str(problem)) from problem
    return [media for media in answer.media if not media.rejected]
