"""What a call leaves: each side's BYE as the other would have sent it, and nothing that is not needed for it."""

import json

import pytest

from trunkward.edge import left

CALL = {
    "record_id": "f" * 32,
    "call_id": "c-1@10.9.8.7",
    "cseq": 3,
    "caller_tag": "from",
    "callee_tag": "to",
    "from_inside": "sip:alice@inner.acme",
    "from_outside": "sip:+12025550101@sbc.example.com",
    "to_uri": "sip:+13035550188@sbc.example.com",
    "caller": {"transport": "tls", "cipher": "x"},
    "caller_peer": "trunk:acme-hq",
    "caller_source": "192.0.2.7:40000",
    "caller_home": "",
    "callee_peer": "carrier:south",
    "callee_source": "192.0.2.41:5060",
    "callee_home": "192.0.2.41:5060",
    "callee_transport": "udp",
    "suites": {"caller": "AES_CM_128_HMAC_SHA1_80"},
    "hops": [{"suffix": ""}],
}
ROW = [
    "",
    "",
    "",
    "",
    "sip:alice@192.0.2.7:5066",
    "sip:gw@192.0.2.41",
    "",
    "",
    "",
    "",
    "<sip:a1;lr>",
    "<sip:b1;lr>,<sip:b2;lr>",
]


def test_a_bye_to_each_side() -> None:
    found = left.read(left.text_of(CALL, ROW, {"caller": 7, "callee": 0}, "!!:masked"))
    contact, routes = found["ways"]["callee"]
    assert contact == "sip:gw@192.0.2.41"
    # the caller's side takes the callee's Record-Route in reverse order (RFC 3261 12.1.2)
    assert left.bye(
        found["call"], "callee", routes, found["cseqs"]["caller"], found["masked"], "Q.850;cause=41"
    ) == [
        "From: <sip:+12025550101@sbc.example.com>;tag=from",
        "To: <sip:+13035550188@sbc.example.com>;tag=to",
        "Call-ID: !!:masked",
        "CSeq: 7 BYE",
        "Route: <sip:b2;lr>",
        "Route: <sip:b1;lr>",
        "Reason: Q.850;cause=41",
    ]
    contact, routes = found["ways"]["caller"]
    assert contact == "sip:alice@192.0.2.7:5066"
    assert left.bye(
        found["call"], "caller", routes, found["cseqs"]["callee"], found["call"]["call_id"], "x"
    ) == [
        "From: <sip:+13035550188@sbc.example.com>;tag=to",
        "To: <sip:alice@inner.acme>;tag=from",
        "Call-ID: c-1@10.9.8.7",
        "CSeq: 0 BYE",
        "Route: <sip:a1;lr>",
        "Reason: x",
    ]


def test_nothing_of_the_media_is_left() -> None:
    text = left.text_of(CALL, ROW, {"caller": 7, "callee": 0}, "!!:masked")
    assert "AES" not in text
    assert "suffix" not in text


@pytest.mark.parametrize("missing", ["call_id", "callee_tag", "to_uri", "callee_transport"])
def test_what_has_not_its_parts_is_not_read(missing: str) -> None:
    whole = json.loads(left.text_of(CALL, ROW, {"caller": 7, "callee": 0}, "m"))
    del whole["call"][missing]
    with pytest.raises(ValueError, match="not what a call has left"):
        left.read(json.dumps(whole))
    for text in ("", "[]", "{}", '{"call": {}}'):
        with pytest.raises(ValueError):  # noqa: PT011  # JSON's own among them
            left.read(text)


def test_a_row_of_topos_that_is_cut_off_is_no_way() -> None:
    assert left.is_whole(ROW)
    assert not left.is_whole(ROW[:8])
    assert not left.is_whole([])
