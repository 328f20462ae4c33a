"""A payload written as RFC 8225 section 9 wants is read at once, and comes to what the steps come to."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirkit.calls import key
from stirkit.cases import CASES
from stirkit.judging import call, credential
from stirkit.pki import NOW_S
from stirkit.tokens import CALLED, CALLER, ORIGID, X5U, b64, compact, header, identity, payload
from trunkward.shaken import received
from trunkward.shaken.causes import Cause, Refused
from trunkward.shaken.received import SHAKEN, Received, Unopened, open_payload
from trunkward.shaken.verify import verify

PLAIN = compact(payload())


def read(body: bytes) -> Received | tuple[Cause, str]:
    unopened = Unopened(b64(compact(header())), b64(body), b64(bytes(64)), SHAKEN, X5U)
    try:
        return open_payload(unopened, orig="", dest="", date_s=None)
    except Refused as refused:
        return refused.cause, refused.text


def read_by_steps(body: bytes) -> Received | tuple[Cause, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(received, "_as_written", lambda _: None)
        return read(body)


def is_read_at_once(body: bytes) -> bool:
    return received._as_written(body.decode("latin-1")) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"attest": "C"},
        {"orig": {"tn": "911"}},
        {"dest": {"tn": [CALLED, "0" * 15, "1"]}},
        {"dest": {"tn": [str(number) for number in range(20)]}},
        {"iat": 1},
        {"origid": ORIGID.upper()},
    ],
)
def test_what_is_written_as_prescribed_is_read_at_once(changes: dict[str, Any]) -> None:
    body = compact(payload(**changes))
    assert is_read_at_once(body)
    found = read(body)
    assert found == read_by_steps(body)
    assert isinstance(found, Received)
    assert found.claims == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        PLAIN.replace(b":", b": "),
        PLAIN + b"\n",
        PLAIN.replace(b'"A"', b'"D"'),
        PLAIN.replace(b'"tn":["', b'"tn":["+'),
        compact(payload(dest={"tn": []})),
        compact(payload(dest={"tn": [str(number) for number in range(21)]})),
        compact(payload(dest={"tn": [CALLED], "uri": ["sip:a@example.com"]})),
        compact(payload(orig={"tn": "1" * 16})),
        compact(payload(orig={"uri": "sip:a@example.com"})),
        compact(payload(iat=0)),
        compact(payload(iat=2**53)),
        compact(payload(iat=str(NOW_S))),
        compact(payload(rcd={"nam": "x"})),
        json.dumps(dict(reversed(payload().items())), separators=(",", ":")).encode(),
        PLAIN.replace(CALLER.encode(), "\u0661\u0662".encode()),
    ],
)
def test_everything_else_goes_through_the_steps(body: bytes) -> None:
    assert not is_read_at_once(body)
    assert read(body) == read_by_steps(body)


CHANGES = st.lists(
    st.tuples(
        st.integers(0, len(PLAIN)),
        st.integers(0, 3),
        st.one_of(
            st.sampled_from(
                [b'"', b",", b":", b"[", b"]", b"{", b"}", b" ", b"0", b"+", b"-", b'","', b"B", b"\xff"]
            ),
            st.binary(max_size=2),
        ),
    ),
    max_size=3,
)


@given(CHANGES)
def test_both_ways_come_to_the_same(changes: list[tuple[int, int, bytes]]) -> None:
    """Of a good payload with up to three pieces taken out or put in, anywhere."""
    body = PLAIN
    for at, gone, new in changes:
        body = body[:at] + new + body[at + gone :]
    assert read(body) == read_by_steps(body)


DIGITS = st.text("0123456789", max_size=17)
CLAIMS = st.fixed_dictionaries(
    {
        "attest": st.sampled_from(["A", "B", "C", "D", "a", ""]),
        "dest": st.fixed_dictionaries({"tn": st.lists(DIGITS, max_size=22)}),
        "iat": st.one_of(st.integers(), st.sampled_from([10**14, 10**15 - 1, 10**15, 2**53 - 1, 2**53])),
        "orig": st.fixed_dictionaries({"tn": DIGITS}),
        "origid": st.one_of(st.uuids().map(str), st.text("0123456789abcdefABCDEF-", max_size=40)),
    }
)


@given(CLAIMS)
def test_of_any_claims_both_ways_come_to_the_same(claims: dict[str, Any]) -> None:
    body = compact(claims)
    assert read(body) == read_by_steps(body)


@pytest.mark.parametrize("text", ["\u00e9", b64(PLAIN) + "=", "", "\ud800"])
@pytest.mark.parametrize("part", ["payload", "signature"])
def test_no_part_is_anything_but_base64url(part: str, text: str) -> None:
    good = Unopened(b64(compact(header())), b64(PLAIN), b64(bytes(64)), SHAKEN, X5U)
    with pytest.raises(Refused):
        open_payload(msgspec.structs.replace(good, **{part: text}), orig="", dest="", date_s=None)


def test_what_one_header_said_is_not_believed_of_another() -> None:
    """What is remembered is what the very same characters say: a good call opens no door to a bad one."""
    good = identity(key())
    held = {X5U: credential(CASES["syntax: good"].chains[X5U]())}
    assert verify([good], call=call(), credentials=held, now_s=NOW_S).passports[0].error is None
    for was, becomes, cause in (
        (X5U, f"{X5U}x", Cause.URL_NOT_INFO),
        ("ppt=shaken", "ppt=div", Cause.PPT_MISMATCH),
        ("alg=ES256", "alg=none", Cause.ALG),
    ):
        for _ in range(2):
            found = verify([good.replace(was, becomes)], call=call(), credentials=held, now_s=NOW_S)
            assert found.passports[0].error is not None
            assert found.passports[0].error.cause is cause
