"""Taking an SDP through rtpengine, hop by hop, as the verdict's plan says.

What each leg has negotiated stands in the call's state from the first answer on: `suites` and
`protocols`, of the calling leg (`a`) and the called leg (`b`). Later offers and answers keep to it.
"""

import re
from contextlib import suppress
from typing import Any

from trunkward.edge.quality import leg_facts
from trunkward.edge.rtpengine import Rtpengine, RtpengineUnavailable
from trunkward.edge.targets import address_of, family
from trunkward.media.answer import AnswerRefused, check_answer, check_later_answer
from trunkward.media.crossing import crossing
from trunkward.media.sdp import (
    BY_SIGNALLING,
    SDES,
    MalformedSdp,
    family_of,
    keep_family,
    keep_protocol,
    keep_suite,
    parse_sdp,
    protocol_of,
)

_INLINE_KEY = re.compile(r"inline:([A-Za-z0-9+/=]{16,})")


class MediaRefused(Exception):
    """The media engine did not give what the plan needs; nothing was sent."""


class OfferRefused(Exception):
    """An offer of a running call that its leg cannot take; nothing was sent."""


class Media:
    """The plan of a call (`hops` in its state), carried out on one rtpengine."""

    def __init__(self, engine: Rtpengine) -> None:
        """Keeps the engine; touches nothing."""
        self._engine = engine

    def offer(self, call: dict[str, Any], sdp: str, *, forward: bool, again: bool) -> str:
        """The offer to send on; `forward` from the caller, else from the callee; `again` in a dialog.

        Raises `MediaRefused`, `OfferRefused`.
        """
        name = ("reoffer_" if again else "offer_") + _direction(forward)
        if again and call["hops"]:
            sdp = _pruned(call, sdp, "a" if forward else "b")
        sent = sdp
        leg = "a" if forward else "b"
        for hop in call["hops"] if forward else call["hops"][::-1]:
            flags, source = _asked(call, hop[name], leg, sdp)
            try:
                tags = (call["caller_tag"], call.get("callee_tag", ""))
                if not forward:
                    tags = tags[::-1]
                # with both tags rtpengine knows the dialog; with one it may take the offer for a new fork
                sent = self._engine.offer(
                    _name(call, hop), tags[0], tags[1] if again else "", sent, flags, source
                )
            except RtpengineUnavailable as problem:
                raise MediaRefused(f"no offer from rtpengine: {problem}") from problem
        if call["hops"]:
            _check_keys(sdp, sent)
        try:
            return _crossing(sent, call, "caller" if forward else "callee")
        except MalformedSdp as problem:
            # the gate has judged the first offer; what it admits unread is an emergency
            raise (OfferRefused if again else MediaRefused)(str(problem)) from problem

    def answer(self, call: dict[str, Any], sdp: str, callee_tag: str, *, forward: bool, again: bool) -> str:
        """The answer to send back; `forward` is the direction of the offer it answers.

        Raises `MediaRefused`, and `AnswerRefused` for an answer that does not keep to the offer.
        """
        name = ("reanswer_" if again else "answer_") + _direction(forward)
        offerer, answerer = (call["caller_tag"], callee_tag) if forward else (callee_tag, call["caller_tag"])
        suite = ""
        leg = "b" if forward else "a"
        if again and call["hops"]:
            check_later_answer(sdp, call["protocols"][leg], call["suites"][leg])
        elif call["hops"]:
            suite = check_answer(sdp, call["called_suites"])
        if call["hops"]:
            _keep_family(call, sdp, leg)
        sent = sdp
        for hop in call["hops"][::-1] if forward else call["hops"]:
            flags, source = _asked(call, hop[name], leg, sdp)
            try:
                sent = self._engine.answer(_name(call, hop), offerer, answerer, sent, flags, source)
            except RtpengineUnavailable as problem:
                raise MediaRefused(f"no answer from rtpengine: {problem}") from problem
        if call["hops"]:
            _check_keys(sdp, sent)
        if call["hops"] and not again:
            call["suites"] = {"a": _suite(sent), "b": suite}
            call["protocols"] = {"a": protocol_of(sent), "b": protocol_of(sdp)}
            call["families"] = {"a": family_of(sent), "b": call["called_family"]}
        try:
            return _crossing(sent, call, "callee" if forward else "caller")
        except MalformedSdp as problem:
            raise AnswerRefused("media-malformed", str(problem)) from problem

    def end(self, call: dict[str, Any]) -> list[dict[str, Any]]:
        """Ends the media; what was really negotiated and counted on the caller's and the callee's leg."""
        ended = [self._engine.delete(_name(call, hop)) for hop in call["hops"]]
        if not ended:
            return []
        return [
            leg_facts(ended[0], call["caller_tag"], "caller"),
            leg_facts(ended[-1], call.get("callee_tag", ""), "callee"),
        ]


def _direction(forward: bool) -> str:
    return "forward" if forward else "backward"


def _pruned(call: dict[str, Any], sdp: str, leg: str) -> str:
    """A later offer with nothing in it but what its leg has negotiated."""
    if "protocols" not in call:
        raise OfferRefused("an offer before the first one was answered")
    try:
        keep_protocol(sdp, call["protocols"][leg])
        keep_family(sdp, call["families"][leg])
        return keep_suite(sdp, call["suites"][leg])
    except MalformedSdp as problem:
        raise OfferRefused(str(problem)) from problem


def _keep_family(call: dict[str, Any], sdp: str, leg: str) -> None:
    """An answer of another address family would be sent to from a port that cannot reach it: no sound."""
    family = call["families"][leg] if "families" in call else call["called_family"]
    try:
        keep_family(sdp, family)
    except MalformedSdp as problem:
        raise AnswerRefused("media-address-family", str(problem)) from problem


def _asked(call: dict[str, Any], flags: str, leg: str, sdp: str) -> tuple[str, str]:
    """A step's flags, filled in, and the address its SDP's side signals from, where that one counts."""
    if BY_SIGNALLING not in flags:
        return _filled(flags, call), ""
    seen_at = call["caller_source"] if leg == "a" else call.get("callee_source") or call["callee_home"]
    with suppress(MalformedSdp):  # an emergency's may be
        # signalling over the one IP version tells nothing of media over the other
        if family(seen_at) == family_of(sdp):
            return _filled(flags, call), address_of(seen_at)
    return _filled(flags.replace(BY_SIGNALLING, ""), call), ""


def _filled(flags: str, call: dict[str, Any]) -> str:
    suites, protocols = call.get("suites") or {}, call.get("protocols") or {}
    flags = flags.replace("{to}", call["called_family"])
    if "{calling}" in flags:
        flags = flags.replace("{calling}", _as_negotiated(protocols["a"], suites["a"]))
    return flags.replace("{a}", suites.get("a", "")).replace("{b}", suites.get("b", ""))


def _as_negotiated(protocol: str, suite: str) -> str:
    if protocol in SDES:
        return f"{protocol} SDES-pad DTLS=off SDES-only-{suite}"
    return f"{protocol} SDES-off"


def _name(call: dict[str, Any], hop: dict[str, str]) -> str:
    # not the SIP Call-ID: a peer chooses that one, and two peers may choose the same
    return f"{call['media_id']}{hop['suffix']}"


def _suite(sdp: str) -> str:
    return next((line.suite for media in parse_sdp(sdp).media for line in media.crypto), "")


def _crossing(sdp: str, call: dict[str, Any], author: str) -> str:
    session = int(call["record_id"][:12], 16) + (author == "callee")
    return crossing(sdp, session, call.setdefault("sdp_versions", {}), author)


def _check_keys(received: str, sent: str) -> None:
    """The last look: no key of one side may stand in what the other side is sent."""
    for key in _INLINE_KEY.findall(received):
        if key.rstrip("=") in sent:
            raise MediaRefused("a key of one side stood in the other side's SDP")
