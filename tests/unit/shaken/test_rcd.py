"""Property 27: rich call data, and the digests over what is inline; nothing is fetched here."""

import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirkit.calls import CARD, digest
from stirkit.tokens import compact
from trunkward.shaken.causes import Refused
from trunkward.shaken.rcd import Rcd, digest_agrees, rcd_of

ICON = "https://example.com/icon.png"


def read(rcd: Any, rcdi: Any = None, **more: Any) -> Rcd:
    claims: dict[str, Any] = {"rcd": rcd} | ({} if rcdi is None else {"rcdi": rcdi}) | more
    found = rcd_of(claims, required=True)
    assert found is not None
    return found


def cause(rcd: Any, rcdi: Any = None, **more: Any) -> str:
    with pytest.raises(Refused) as refused:
        read(rcd, rcdi, **more)
    return str(refused.value.cause)


def test_name_number_and_reason() -> None:
    found = read({"nam": "Q Branch", "apn": "+1-202-555-0100"}, crn="Your order")
    assert (found.nam, found.apn, found.crn) == ("Q Branch", "12025550100", "Your order")
    assert read({"nam": ""}).nam == ""


def test_no_rcd_at_all() -> None:
    assert rcd_of({"x": 1}, required=False) is None
    nothing: dict[str, Any] = {}
    for claims, required in ((nothing, True), ({"rcdi": nothing}, False)):
        with pytest.raises(Refused, match="rcd-malformed"):
            rcd_of(claims, required=required)


def test_inline_card_with_its_digest() -> None:
    """RFC 9795 section 6.1.3: the whole card, and one for each URL in it, which stands for what is there."""
    url = {"/jcd/1/1/3": "sha256-RojgWwU6xUtI4q82+kHPyHm1JKbm7+663bMvzymhkl4"}
    found = read({"nam": "Q", "jcd": CARD}, {"/jcd": digest(CARD)} | url)
    assert found.jcd == tuple(CARD)
    assert cause({"nam": "Q", "jcd": CARD}, {"/jcd": digest([*CARD, 1])}) == "rcd-digest"
    assert cause({"nam": "Q", "jcd": CARD}, {"/jcd/1/0/3": digest("R Branch")}) == "rcd-digest"
    assert read({"nam": "Q", "jcd": CARD}, {"/jcd/1/0/3": digest("Q Branch")}).nam == "Q"


def test_digest_of_a_text_is_over_its_json() -> None:
    """RFC 9795 section 6.1: the quotes belong to it."""
    assert read({"nam": "Q Branch"}, {"/nam": digest("Q Branch")}).nam == "Q Branch"
    plain = "sha256-" + base64.b64encode(hashlib.sha256(b"Q Branch").digest()).decode()
    assert cause({"nam": "Q Branch"}, {"/nam": plain}) == "rcd-digest"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("padding", ["", "="])
def test_algorithms_and_padding(algorithm: str, padding: str) -> None:
    text = base64.b64encode(hashlib.new(algorithm, b"x").digest()).decode().rstrip("=") + padding
    assert digest_agrees(f"{algorithm}-{text}", b"x")
    assert not digest_agrees(f"{algorithm}-{text}", b"y")
    for other in ("sha1-", "SHA256-", "md5-", "", "-"):
        assert not digest_agrees(other + text, b"x")


def test_what_is_to_be_fetched_needs_a_digest() -> None:
    assert cause({"nam": "Q", "icn": ICON}) == "rcd-malformed"
    assert cause({"nam": "Q", "jcl": ICON}, {"/icn": digest(1)}) == "rcd-malformed"
    found = read(
        {"nam": "Q", "icn": ICON},
        {"/icn": "sha256-" + base64.b64encode(hashlib.sha256(b"png").digest()).decode()},
    )
    assert found.icn == ICON
    assert found.agrees("/icn", b"png")
    assert not found.agrees("/icn", b"PNG")
    assert not found.agrees("/jcl", b"png")
    linked = read({"nam": "Q", "jcl": ICON}, {"/jcl": digest(1), "/jcl/1/2/3": digest(2)})
    assert linked.agrees("/jcl", compact(1))


@pytest.mark.parametrize(
    ("rcd", "rcdi"),
    [
        ("x", None),
        ({}, None),
        ({"nam": 1}, None),
        ({"nam": "x\u202ey"}, None),
        ({"nam": "x" * 257}, None),
        ({"nam": "x", "apn": "anonymous"}, None),
        ({"nam": "x", "apn": 12025550100}, None),
        ({"nam": "x", "icn": "http://example.com/1.png"}, {"/icn": digest(1)}),
        ({"nam": "x", "icn": 1}, {"/icn": digest(1)}),
        ({"nam": "x", "jcd": CARD, "jcl": ICON}, {"/jcl": digest(1)}),
        ({"nam": "x", "jcd": {}}, None),
        ({"nam": "x", "jcd": ["vcard"]}, None),
        ({"nam": "x", "jcd": ["card", []]}, None),
        ({"nam": "x"}, []),
        ({"nam": "x"}, {"/icn": digest(1)}),
        ({"nam": "x"}, {"/jcd": digest(1)}),
        ({"nam": "x", "jcd": CARD}, {"/jcd/1/7": digest(1)}),
        ({"nam": "x", "jcd": CARD}, {"/jcd/01": digest(1)}),
        ({"nam": "x", "jcd": CARD}, {"/jcd/-1": digest(1)}),
        ({"nam": "x", "jcd": CARD}, {"/jcd/x": digest(1)}),
        ({"nam": "x"}, {"nam": digest("x")}),
        ({"nam": "x"}, {"": digest("x")}),
        ({"nam": "x"}, {"/nam": 1}),
        ({"nam": "x"}, {"/nam": "md5-x"}),
        ({"nam": "x"}, {"/nam": "x"}),
        ({"nam": "x"}, {f"/{n}": digest(1) for n in range(65)}),
    ],
)
def test_what_is_no_rcd(rcd: Any, rcdi: Any) -> None:
    assert cause(rcd, rcdi) == "rcd-malformed"


def test_reason_that_cannot_be_shown() -> None:
    assert cause({"nam": "x"}, crn=1) == "rcd-malformed"
    assert cause({"nam": "x"}, crn="\x07") == "rcd-malformed"


def test_pointers_with_escapes() -> None:
    """RFC 6901 section 4."""
    assert read({"nam": "x", "a/b": {"c~d": 1}}, {"/a~1b/c~0d": digest(1)}).nam == "x"


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON, JSON)
def test_any_claims_are_read_or_refused(rcd: Any, rcdi: Any, crn: Any) -> None:
    try:
        rcd_of({"rcd": rcd, "rcdi": rcdi, "crn": crn}, required=True)
        rcd_of(
            {"rcd": {"nam": "x", "jcd": ["vcard", [rcd]]}, "rcdi": {"/jcd": rcdi}, "crn": crn}, required=True
        )
    except Refused:
        return
