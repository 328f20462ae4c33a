"""Every call of the table is judged as it says; the properties of verification by their numbers."""

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirkit import pki
from stirkit.calls import CARD, WAY, compact_form, digest, diversions, key, rcd
from stirkit.cases import CASES
from stirkit.judging import call, credential, judged
from stirkit.pki import NOW_S
from stirkit.tokens import CALLED, CALLER, ORIGID, X5U, header, identity, payload
from trunkward.shaken.attest import Attestation
from trunkward.shaken.causes import Cause
from trunkward.shaken.credential import Credential
from trunkward.shaken.es256 import SIGNATURE_BYTES
from trunkward.shaken.verify import Verification, Verstat, Window, urls_of, verify

#: SEC 2 section 2.4.2: the order of P-256.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.mark.parametrize("name", CASES)
def test_case_of_the_table(name: str) -> None:
    """Properties 12 to 16 and 24, and each error code."""
    case = CASES[name]
    found = judged(case)
    causes = tuple(str(one.error.cause) if one.error else None for one in found.passports)
    assert (str(found.outcome), causes) == (case.outcome, case.causes), found


def test_every_cause_has_a_case() -> None:
    elsewhere = {
        Cause.IDENTITY_MISSING,  # policy says it
        Cause.REPLAYED,  # all nodes together: ../admission/test_verified.py
        # of credentials: test_credential.py
        Cause.CERTIFICATE_REVOKED,
        Cause.REVOCATION_UNKNOWN,
        Cause.CREDENTIAL_SCOPE,
        # below
        Cause.CREDENTIAL_WITHOUT_CODE,
        Cause.NUMBER_NOT_COVERED,
        Cause.CLAIM_CONSTRAINT,
        Cause.RCD_MALFORMED,
        Cause.RCD_DIGEST,
    }
    shown = {cause for case in CASES.values() for cause in case.causes if cause}
    assert shown == set(Cause) - elsewhere


RECEIVED_BYTES = [
    *("extra claims", "another order of claims", "claims with white space", "two dests"),
    *("a dest that is a URI too", "a text beginning with a colon"),
]


@pytest.mark.parametrize("name", RECEIVED_BYTES)
def test_what_was_validly_signed_is_verified_as_it_came(name: str) -> None:
    """Property 14: the bytes that arrived, never the claims written anew."""
    assert judged(CASES[f"claims: {name}"]).outcome is Verstat.PASSED


def test_what_a_call_that_passed_tells() -> None:
    found = judged(CASES["syntax: good"])
    assert (found.outcome, found.attest, found.origid) == (Verstat.PASSED, Attestation.A, ORIGID)
    assert (found.spc, found.x5u, found.orig, found.diverted) == ("709J", X5U, CALLER, ())
    assert urls_of(CASES["syntax: good"].values()) == (X5U,)


def test_of_a_call_that_failed_no_level_is_told() -> None:
    found = judged(CASES["signatures: another key"])
    assert (found.attest, found.origid, found.spc, found.replay_keys) == (None, None, None, ())


@pytest.mark.parametrize("level", ["B", "C"])
def test_lower_levels_have_passed(level: str) -> None:
    """Property 24: no B or C is reported as a failure."""
    found = judged(CASES[f"claims: level {level}"])
    assert (found.outcome, found.attest) == (Verstat.PASSED, level)


def test_the_lowest_of_two_levels_counts() -> None:
    assert judged(CASES["several: two good ones"]).attest is Attestation.C


def test_a_base_passport_has_no_level() -> None:
    found = judged(CASES["several: base"])
    assert (found.outcome, found.attest) == (Verstat.PASSED, None)


class NoKey:
    """A key that must not be used."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the key was touched: {name}")


def untouchable() -> Credential:
    good = credential(CASES["syntax: good"].chains[X5U]())
    assert isinstance(good, Credential)
    return replace(good, key=cast("Any", NoKey()))


CHEAP = [
    name
    for name, case in CASES.items()
    if name.startswith(("jose: alg", "parties", "time")) and case.outcome == "TN-Validation-Failed"
]


@pytest.mark.parametrize("name", CHEAP)
def test_no_key_is_touched_before_all_else_is_in_order(name: str) -> None:
    """Property 12: the table of `alg`."""
    case = CASES[name]
    called = call(orig=case.orig, to=case.to, request_uri=case.request_uri, date_s=case.date_s)
    found = verify(case.values(), call=called, credentials={X5U: untouchable()}, now_s=case.now_s)
    assert found.outcome is Verstat.FAILED
    if name.startswith("jose: alg"):
        assert urls_of(case.values()) == (), "nothing is fetched for it"


def test_the_untouchable_key_would_tell() -> None:
    with pytest.raises(AssertionError, match="touched"):
        verify([identity(key())], call=call(), credentials={X5U: untouchable()}, now_s=NOW_S)


@pytest.mark.parametrize(
    ("order", "outcome"), [((0, 1), Verstat.PASSED), ((1, 0), Verstat.PASSED), ((1,), Verstat.NONE)]
)
def test_a_kind_nobody_knows_changes_nothing(order: tuple[int, ...], outcome: Verstat) -> None:
    """Property 13."""
    values = CASES["several: unknown kind last"].values()
    good = credential(CASES["syntax: good"].chains[X5U]())
    found = verify([values[n] for n in order], call=call(), credentials={X5U: good}, now_s=NOW_S)
    assert found.outcome is outcome


def test_window_to_the_second_for_any_window() -> None:
    """Property 16: each edge of a window that is not the default one."""
    good = credential(CASES["syntax: good"].chains[X5U]())
    window = Window(past_s=7, ahead_s=3)

    def outcome(now_s: float) -> Verstat:
        return verify(
            [identity(key())], call=call(date_s=None), credentials={X5U: good}, now_s=now_s, limits=window
        ).outcome

    assert [outcome(NOW_S + late) is Verstat.PASSED for late in (7, 8, -3, -4)] == [True, False, True, False]


def test_request_uri_alone_may_be_left_to_policy() -> None:
    good = credential(CASES["syntax: good"].chains[X5U]())
    found = verify(
        [identity(key())],
        call=call(request_uri=WAY[3]),
        credentials={X5U: good},
        now_s=NOW_S,
        limits=Window(request_uri=False),
    )
    assert found.outcome is Verstat.PASSED


def test_the_way_of_a_diverted_call_is_told() -> None:
    found = judged(CASES["diversions: sent on 3 times"])
    assert found.diverted == WAY[:3]


# ---------------------------------------------------------------- replay keys


def keys_of(values: list[str], **changes: Any) -> tuple[str, ...]:
    good = credential(CASES["syntax: good"].chains[X5U]())
    found = verify(values, call=call(**changes), credentials={X5U: good}, now_s=NOW_S)
    assert found.outcome is Verstat.PASSED
    return found.replay_keys


def test_replay_key_is_of_the_signature_and_the_callee() -> None:
    """Property 15, the pure half: one key for one token and callee, whatever else the request says."""
    value = identity(key())
    assert keys_of([value]) == keys_of([value + ";x=1"], call_id="another", date_s=NOW_S - 1.0)
    assert keys_of([value]) != keys_of([identity(key())])
    sent_on = diversions(1)
    assert keys_of(sent_on, request_uri=WAY[1]) != keys_of([sent_on[0]])


def test_a_signature_made_of_another_is_the_same_to_the_cache() -> None:
    """Property 15: (R, order - S) verifies too, and anybody can make it."""
    import base64

    value = identity(key())
    token, _, parameters = value.partition(";")
    head, body, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    assert len(raw) == SIGNATURE_BYTES
    other = raw[:32] + (ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    second = base64.urlsafe_b64encode(other).rstrip(b"=").decode()
    again = f"{head}.{body}.{second};{parameters}"
    assert again != value
    assert keys_of([again]) == keys_of([value])


# ---------------------------------------------------------------- who may say what


def by_delegate(plan: pki.Plan, *, ppt: str | None, body: dict[str, Any], **said: Any) -> str:
    """The cause for which a PASSporT of a delegate's is refused; empty when it is not."""
    issued = plan.issue()
    head = header() if ppt == "shaken" else header(ppt=ppt) if ppt else {**header()}
    if ppt is None:
        del head["ppt"]
    found = verify(
        [*said.pop("before", []), identity(issued.key, head=head, body=body)],
        call=call(**said),
        credentials={X5U: credential(pki.pem(issued, pki.delegating(), pki.intermediate()))},
        now_s=NOW_S,
    )
    error = found.passports[-1].error
    return str(error.cause) if error else ""


BASE = {"dest": {"tn": [CALLED]}, "iat": NOW_S, "orig": {"tn": CALLER}}


def test_delegate_speaks_for_its_own_numbers_only() -> None:
    """Property 23."""
    plan = pki.delegate(pki.delegating(), CALLER)
    assert by_delegate(plan, ppt=None, body=BASE) == ""
    other = BASE | {"orig": {"tn": "12025550101"}}
    assert by_delegate(plan, ppt=None, body=other, orig=("12025550101",)) == "number-not-covered"


def test_delegate_signs_no_shaken() -> None:
    """Property 23: `shaken` needs a service provider's code."""
    plan = pki.delegate(pki.delegating(), CALLER)
    assert by_delegate(plan, ppt="shaken", body=payload()) == "credential-without-code"


def test_provider_is_not_asked_whose_number_it_is() -> None:
    """Property 23: a code has no numbers (policy of the STI-GA)."""
    found = judged(CASES["several: base"])
    assert found.outcome is Verstat.PASSED


# mustInclude rcd; permittedValues of confidence: high, medium (RFC 9118 section 5, one claim renamed)
MUST_INCLUDE_RCD = bytes.fromhex("3009a00730051603726364")
PERMITTED = bytes.fromhex("3022a120301e301c160a636f6e666964656e6365300e0c04686967680c066d656469756d")
MUST_EXCLUDE_ATTEST = bytes.fromhex("300ca20a30081606617474657374")


@pytest.mark.parametrize(
    ("oid", "der", "claims", "cause"),
    [
        (pki.CONSTRAINTS, MUST_INCLUDE_RCD, {}, "claim-constraint"),
        (pki.CONSTRAINTS, MUST_INCLUDE_RCD, {"rcd": {"nam": "x"}}, ""),
        (pki.CONSTRAINTS, PERMITTED, {}, ""),
        (pki.CONSTRAINTS, PERMITTED, {"confidence": "high"}, ""),
        (pki.CONSTRAINTS, PERMITTED, {"confidence": "low"}, "claim-constraint"),
        (pki.CONSTRAINTS, PERMITTED, {"confidence": ["high"]}, "claim-constraint"),
        (pki.ENHANCED, PERMITTED, {"confidence": "low"}, "claim-constraint"),
        (pki.ENHANCED, MUST_EXCLUDE_ATTEST, {}, ""),
        (pki.ENHANCED, MUST_EXCLUDE_ATTEST, {"attest": "A"}, "claim-constraint"),
    ],
)
def test_constraints_of_a_certificate_hold(oid: Any, der: bytes, claims: dict[str, Any], cause: str) -> None:
    """Property 23: JWTClaimConstraints (RFC 8226) and Enhanced (RFC 9118)."""
    plan = pki.delegate(pki.delegating(), CALLER).having(pki.raw(oid, der))
    assert by_delegate(plan, ppt=None, body=BASE | claims) == cause


def test_credential_must_have_been_valid_when_it_was_used() -> None:
    good = credential(CASES["syntax: good"].chains[X5U]())
    assert isinstance(good, Credential)
    for changes, cause in (
        ({"not_before_s": NOW_S + 1}, "certificate-not-yet-valid"),
        ({"not_after_s": NOW_S + 4}, "certificate-expired"),
        ({"not_after_s": NOW_S + 5, "not_before_s": NOW_S}, ""),
    ):
        found = verify(
            [identity(key())],
            call=call(),
            credentials={X5U: replace(good, **changes)},  # type: ignore[arg-type]
            now_s=NOW_S + 5,
        )
        error = found.passports[0].error
        assert (str(error.cause) if error else "") == cause


# ---------------------------------------------------------------- rich call data


def with_rcd(rcd_value: str, level: str = "A") -> Verification:
    good = credential(CASES["syntax: good"].chains[X5U]())
    return verify(
        [identity(key(), body=payload(attest=level)), rcd_value],
        call=call(),
        credentials={X5U: good},
        now_s=NOW_S,
    )


def test_rcd_is_told_with_level_a_only() -> None:
    """Property 27."""
    found = with_rcd(rcd({"nam": "Example Corp", "apn": "+12025550102"}, crn="Your delivery"))
    assert found.rcd is not None
    assert (found.rcd.nam, found.rcd.apn, found.rcd.crn) == ("Example Corp", "12025550102", "Your delivery")
    lower = with_rcd(rcd(), "B")
    assert (lower.outcome, lower.rcd) == (Verstat.PASSED, None)


def test_bad_rcd_does_not_decide_on_the_number_and_is_not_told() -> None:
    """Property 27."""
    for value, cause in (
        (rcd({"apn": "1"}), Cause.RCD_MALFORMED),
        (rcd({"nam": "x", "jcd": CARD}, rcdi={"/jcd": digest("another")}), Cause.RCD_DIGEST),
        (rcd(dest={"tn": ["12025550199"]}), Cause.DEST_MISMATCH),
    ):
        found = with_rcd(value)
        assert (found.outcome, found.rcd) == (Verstat.PASSED, None)
        assert found.passports[1].error is not None
        assert found.passports[1].error.cause is cause


def test_rcd_alone_verifies_no_number() -> None:
    good = credential(CASES["syntax: good"].chains[X5U]())
    found = verify([rcd()], call=call(), credentials={X5U: good}, now_s=NOW_S)
    assert (found.outcome, found.rcd) == (Verstat.NONE, None)


def test_rcd_within_shaken_is_part_of_it() -> None:
    """Property 27: as claims of a `shaken` PASSporT (ATIS-1000094), a wrong digest spoils it."""
    good = credential(CASES["syntax: good"].chains[X5U]())
    for digests, outcome in (({"/jcd": digest(CARD)}, Verstat.PASSED), ({"/jcd": digest(1)}, Verstat.FAILED)):
        body = payload(rcd={"nam": "x", "jcd": CARD}, rcdi=digests | {"/jcd/1/1/3": digest(2)})
        found = verify([identity(key(), body=body)], call=call(), credentials={X5U: good}, now_s=NOW_S)
        assert found.outcome is outcome


def test_rcd_of_a_diverted_call_is_of_that_call() -> None:
    good = credential(CASES["syntax: good"].chains[X5U]())
    for dest, told in ((WAY[0], True), ("12025550199", False)):
        found = verify(
            [*diversions(1), rcd(dest={"tn": [dest]})],
            call=call(request_uri=WAY[1]),
            credentials={X5U: good},
            now_s=NOW_S,
        )
        assert (found.outcome, found.rcd is not None) == (Verstat.PASSED, told)


# ---------------------------------------------------------------- anything at all


@given(st.lists(st.text(max_size=200), max_size=12))
def test_no_text_makes_it_fail_to_answer(values: list[str]) -> None:
    found = verify(values, call=call(), credentials={}, now_s=NOW_S)
    assert found.outcome in (Verstat.FAILED, Verstat.NONE)
    urls_of(values)


@given(st.data())
def test_no_change_of_one_character_passes(data: st.DataObject) -> None:
    """A good header with one character changed says the same, or fails."""
    value = VALUE
    at = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.characters(min_codepoint=32, max_codepoint=126))
    spoilt = value[:at] + other + value[at + 1 :]
    good = GOOD
    found = verify([spoilt], call=call(), credentials={X5U: good}, now_s=NOW_S)
    if at < value.index(";") and spoilt != value:
        assert found.outcome is Verstat.FAILED
    assert found.attest in (Attestation.A, None)


VALUE = identity(key())
GOOD = credential(CASES["syntax: good"].chains[X5U]())


def test_compact_form_names_itself_in_a_reason() -> None:
    found = verify([compact_form()], call=call(orig=("12025550101",)), credentials={X5U: GOOD}, now_s=NOW_S)
    assert found.passports[0].error is not None
    assert found.passports[0].error.ppi.startswith("..")
