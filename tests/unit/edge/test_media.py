"""What rtpengine is asked of a side behind NAT: where it signals from, and nothing a packet or an SDP says."""

from typing import Any

import pytest

from trunkward.edge.media import Media
from trunkward.edge.rtpengine import Rtpengine

ANSWER = "v=0\r\no=- 1 1 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\nm=audio 41000 RTP/AVP 8\r\n"
INNER = ANSWER.format(family="IP4", address="10.9.8.7")
INNER6 = ANSWER.format(family="IP6", address="fd00::7")
STEPS = [
    f"{what}_{way}" for what in ("offer", "answer", "reoffer", "reanswer") for way in ("forward", "backward")
]


class Engine(Rtpengine):
    """Gives every SDP back, and remembers with which flags and source it came."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def offer(self, call_id: str, from_tag: str, to_tag: str, sdp: str, flags: str, source: str = "") -> str:
        self.asked.append((flags, source))
        return sdp

    def answer(self, call_id: str, from_tag: str, to_tag: str, sdp: str, flags: str, source: str = "") -> str:
        return self.offer(call_id, from_tag, to_tag, sdp, flags, source)


def a_call(*natted: str, **more: Any) -> dict[str, Any]:
    """A running call in plain RTP; at these of its steps the address in SDP does not count."""
    hop = {step: f"{step} SIP-source-address" if step in natted else step for step in STEPS}
    return {
        "record_id": "a" * 32,
        "media_id": "m",
        "hops": [hop | {"suffix": ""}],
        "caller_tag": "one",
        "callee_tag": "two",
        "caller_source": "203.0.113.5:40001",
        "callee_home": "203.0.113.6:40002",
        "called_family": "IP4",
        "called_suites": [],
        "suites": {"a": "", "b": ""},
        "protocols": {"a": "RTP/AVP", "b": "RTP/AVP"},
        "families": {"a": "", "b": ""},
    } | more


def test_the_calling_side_s_descriptions() -> None:
    engine, steps = Engine(), ("offer_forward", "reoffer_forward", "reanswer_backward")
    media, call = Media(engine), a_call(*steps)
    media.offer(call, INNER, forward=True, again=False)
    media.offer(call, INNER, forward=True, again=True)
    media.answer(call, INNER, "two", forward=False, again=True)
    assert engine.asked == [(f"{step} SIP-source-address", "203.0.113.5") for step in steps]
    engine.asked.clear()
    media.answer(call, INNER, "two", forward=True, again=True)
    media.offer(call, INNER, forward=False, again=True)
    assert engine.asked == [("reanswer_forward", ""), ("reoffer_backward", "")]


@pytest.mark.parametrize(
    ("more", "source"),
    [({}, "203.0.113.6"), ({"callee_source": "203.0.113.7:40003"}, "203.0.113.7")],
)
def test_the_called_side_s_descriptions(more: dict[str, str], source: str) -> None:
    engine, steps = Engine(), ("answer_forward", "reanswer_forward", "reoffer_backward")
    media, call = Media(engine), a_call(*steps, **more)
    media.answer(call, INNER, "two", forward=True, again=False)
    media.answer(call, INNER, "two", forward=True, again=True)
    media.offer(call, INNER, forward=False, again=True)
    assert engine.asked == [(f"{step} SIP-source-address", source) for step in steps]


@pytest.mark.parametrize(
    ("sdp", "seen_at", "source"),
    [
        (INNER, "203.0.113.5:40001", "203.0.113.5"),
        (INNER6, "[2001:db8::5]:40001", "2001:db8::5"),
        # one IP version's address tells nothing of the other's
        (INNER, "[2001:db8::5]:40001", ""),
        (INNER6, "203.0.113.5:40001", ""),
    ],
)
def test_of_the_same_ip_version(sdp: str, seen_at: str, source: str) -> None:
    engine = Engine()
    Media(engine).offer(a_call("offer_forward", caller_source=seen_at), sdp, forward=True, again=False)
    ((flags, told),) = engine.asked
    assert told == source
    # asked for without it, rtpengine refuses the description
    assert ("SIP-source-address" in flags.split()) is bool(source)
