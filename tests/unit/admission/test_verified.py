"""What follows from a signature, by policy: the verdict, what the carrier hears, what the customer sees.

Properties 24 (verstat) and 25 (Reason), as far as they are pure; on the wire: tests/wire/shaken.
"""

from copy import replace
from typing import Any

import pytest

from sipkit.carrier_call import CALLING, NOW, call_in, snapshot_of
from trunkward.admission.judge import judge_call
from trunkward.admission.limits import asked_of
from trunkward.admission.ports import NO_FACTS, Facts, Held, Unavailable, Unverified
from trunkward.admission.verified import shown_verstat, worth_of
from trunkward.calls.verdict import Admit, Announcement, Reason, Reject
from trunkward.shaken.attest import Attestation
from trunkward.shaken.causes import Cause, StirError
from trunkward.shaken.verify import Judged, Verification, Verstat
from trunkward.trunks.model import Carrier
from trunkward.trunks.verification import Failed, Missing, VerificationPolicy

HELD = Held(record_id="r1", reserved=True)
PPI = "..c2lnbmF0dXJl"
PASSED = Verification(
    outcome=Verstat.PASSED,
    attest=Attestation.B,
    spc="709J",
    orig=CALLING[1:],
    passports=(Judged("shaken", None),),
    replay_keys=("k1",),
)
FORGED = Verification(
    outcome=Verstat.FAILED,
    passports=(Judged("shaken", StirError(cause=Cause.SIGNATURE, text="no", ppi=PPI)),),
)
NO_HOST = Verification(
    outcome=Verstat.NONE,
    passports=(Judged("shaken", StirError(cause=Cause.CERTIFICATE_UNAVAILABLE, text="x", ppi=PPI)),),
)
UNSIGNED = Unverified(why="no-identity")
OURS = Unverified(why="certificate-late")
ASSERTED = {"p-asserted-identity": [f"<sip:{CALLING};VerStat=TN-Validation-Passed@x>"]}


def facts(verification: Any, live: Any = HELD) -> Facts:
    return replace(NO_FACTS, live=live, verification=verification)


def verdict_on(verification: Any, live: Any = HELD, **how: Any) -> Admit | Reject:
    verdict = judge_call(call_in([], **how), facts(verification, live), "r1", NOW).verdict
    assert isinstance(verdict, Admit | Reject)
    return verdict


STRICT = VerificationPolicy(missing=Missing.REFUSE, failed=Failed.REFUSE)


@pytest.mark.parametrize(
    ("found", "policy", "refused"),
    [
        # the defaults let everything pass: signed shares are what they are
        (PASSED, VerificationPolicy(), None),
        (FORGED, VerificationPolicy(), None),
        (NO_HOST, VerificationPolicy(), None),
        (UNSIGNED, VerificationPolicy(), None),
        (OURS, VerificationPolicy(), None),
        (FORGED, VerificationPolicy(failed=Failed.PASS), None),
        # the strictest refuses all but what is good, and what we could not look at
        (PASSED, STRICT, None),
        (OURS, STRICT, None),
        (Unverified(why="clock-not-synchronised"), STRICT, None),
        (Unverified(why="fetcher-lost", node_wide=True), STRICT, None),
        (None, STRICT, None),
        (UNSIGNED, STRICT, (428, Reason.IDENTITY_MISSING)),
        (FORGED, STRICT, (438, Reason.IDENTITY_INVALID)),
        (NO_HOST, STRICT, (436, Reason.IDENTITY_INFO_BAD)),
        # nothing but kinds nobody knows
        (Verification(outcome=Verstat.NONE), STRICT, (428, Reason.IDENTITY_MISSING)),
        # each by itself
        (UNSIGNED, VerificationPolicy(failed=Failed.REFUSE), None),
        (FORGED, VerificationPolicy(missing=Missing.REFUSE), None),
        (FORGED, VerificationPolicy(failed=Failed.ANNOUNCE), (438, Reason.IDENTITY_INVALID)),
    ],
)
def test_what_the_policy_says(
    found: Any, policy: VerificationPolicy, refused: tuple[int, Reason] | None
) -> None:
    verdict = verdict_on(found, policy=policy)
    if refused is None:
        assert isinstance(verdict, Admit)
        return
    assert isinstance(verdict, Reject)
    assert (verdict.status, verdict.reason) == refused
    assert verdict.blame == "carrier"


def test_an_unsigned_call_hears_its_reason_once() -> None:
    verdict = verdict_on(UNSIGNED, policy=STRICT)
    assert isinstance(verdict, Reject)
    [warning] = [value for name, value in verdict.headers if name == "Warning"]
    assert warning.count("identity-missing") == 1


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_its_answer(cause: Cause) -> None:
    """Property 25: the table of codes, covered; refused with the code of RFC 8224 and both kinds of Reason."""
    error = StirError(cause=cause, text="x", ppi=PPI)
    verdict = verdict_on(
        Verification(outcome=Verstat.FAILED, passports=(Judged("shaken", error),)), policy=STRICT
    )
    assert isinstance(verdict, Reject)
    assert verdict.status == cause.code
    reasons = [value for name, value in verdict.headers if name == "Reason"]
    assert reasons[0].startswith(f"SIP;cause={cause.code};")
    stir = [value for value in reasons if value.startswith("STIR;")]
    assert len(stir) == 1
    assert stir[0].startswith(f"STIR;cause={cause.code};text=")
    assert f'ppi="{PPI}"' in stir[0]


def test_one_reason_for_each_bad_passport() -> None:
    """Property 25: on a call that goes on, too."""
    two = Verification(
        outcome=Verstat.FAILED,
        passports=(
            Judged("shaken", StirError(cause=Cause.SIGNATURE, text="no", ppi="..YQ")),
            Judged("div", None),
            Judged("shaken", StirError(cause=Cause.CHAIN_NOT_TRUSTED, text="no", ppi="..Yg")),
        ),
    )
    verdict = verdict_on(two)
    assert isinstance(verdict, Admit)
    assert verdict.answer_headers == [
        ("Reason", 'STIR;cause=438;text="Invalid Identity Header";ppi="..YQ"'),
        ("Reason", 'STIR;cause=437;text="Unsupported Credential";ppi="..Yg"'),
    ]
    for nothing_wrong in (PASSED, UNSIGNED, OURS, None):
        verdict = verdict_on(nothing_wrong)
        assert isinstance(verdict, Admit)
        assert verdict.answer_headers == []
    refused = verdict_on(UNSIGNED, policy=STRICT)
    assert isinstance(refused, Reject)
    assert ("Reason", 'STIR;cause=428;text="Use Identity Header"') in refused.headers


def test_a_replay_is_a_failed_signature() -> None:
    """Property 15: what it is refused for, and that its level counts no more."""
    replayed = replace(HELD, replayed=1)
    verdict = verdict_on(PASSED, replayed)
    assert isinstance(verdict, Admit)
    assert "TN-Validation-Failed" in verdict.from_uri
    assert [value for _, value in verdict.answer_headers] == ['STIR;cause=438;text="Invalid Identity Header"']
    assert worth_of(facts(PASSED, replayed)).passed is None
    refused = verdict_on(PASSED, replayed, policy=STRICT)
    assert isinstance(refused, Reject)
    assert (refused.status, refused.reason) == (438, Reason.IDENTITY_INVALID)
    # by what this gate alone has seen
    lost = replace(facts(PASSED, Unavailable(what="redis", why="lost")), local=replaced(1))
    assert worth_of(lost).replayed
    assert not worth_of(replace(lost, local=replaced(0))).replayed


def replaced(number: int) -> Held:
    return replace(HELD, replayed=number)


def test_only_good_signatures_are_remembered() -> None:
    """A call that failed, or was no call of a carrier's, leaves no mark."""
    case, snapshot = call_in([]), snapshot_of()
    assert asked_of(case, snapshot, "r1", PASSED).passports == ("k1",)
    for nothing in (FORGED, UNSIGNED, OURS, None):
        assert asked_of(case, snapshot, "r1", nothing).passports == ()


@pytest.mark.parametrize(
    ("upstream", "changes", "same"),
    [
        # forks and repetitions by whoever sent the first, from whichever of its ports
        ("north", {"id": "1" * 32}, True),
        ("north", {"id": "1" * 32, "source_port": 40_000}, True),
        # who has captured a call has its Call-ID and its tag, and sends it from somewhere else
        ("south", {}, False),
        ("north", {"call_id": "d"}, False),
        ("north", {"from_tag": "e"}, False),
    ],
)
def test_what_tells_a_call_from_others(upstream: str, changes: dict[str, Any], *, same: bool) -> None:
    """Property 15: forks and repetitions pass, and nothing else."""
    one, other = call_in([]), call_in([], **changes)
    assert isinstance(other.source, Carrier)
    other = replace(other, source=replace(other.source, name=upstream))
    marks = {asked_of(case, snapshot_of(), "r", PASSED).call_mark for case in (one, other)}
    assert len(marks) == (1 if same else 2)


PAI_OF = "P-Asserted-Identity"


def shown(verdict: Admit | Reject) -> tuple[str, str]:
    """PAI and From, as the customer sees them; "" for none, or for what the carrier wrote."""
    assert isinstance(verdict, Admit)
    [route] = verdict.routes
    return dict(route.headers).get(PAI_OF, ""), verdict.from_uri


@pytest.mark.parametrize(
    ("found", "policy", "verstat"),
    [
        (PASSED, VerificationPolicy(), "TN-Validation-Passed"),
        # B and C are no failures, and no absence of validation
        (replace(PASSED, attest=Attestation.C), VerificationPolicy(), "TN-Validation-Passed"),
        (FORGED, VerificationPolicy(), "TN-Validation-Failed"),
        (FORGED, VerificationPolicy(failed=Failed.PASS), "No-TN-Validation"),
        (NO_HOST, VerificationPolicy(), "No-TN-Validation"),
        (UNSIGNED, VerificationPolicy(), "No-TN-Validation"),
        (OURS, VerificationPolicy(), "No-TN-Validation"),
    ],
)
def test_verstat_is_written_once_in_the_user_part(
    found: Any, policy: VerificationPolicy, verstat: str
) -> None:
    """Property 24: in PAI where there is one, else in From; what the carrier wrote itself is gone."""
    pai, sender = shown(verdict_on(found, policy=policy, headers=ASSERTED))
    assert pai == f"<sip:{CALLING};verstat={verstat}@sbc.example.com;user=phone>"
    assert sender == f"sip:{CALLING}@sbc.example.com"
    pai, sender = shown(verdict_on(found, policy=policy))
    assert (pai, sender) == ("", f"sip:{CALLING};verstat={verstat}@sbc.example.com;user=phone")


@pytest.mark.parametrize(
    "spoofed",
    [
        f"sip:{CALLING};verstat=TN-Validation-Passed@north.example.net",
        f"sip:{CALLING};VERSTAT=TN-Validation-Passed@north.example.net;user=phone",
        f"sip:{CALLING}@north.example.net;verstat=TN-Validation-Passed",
        f"sip:{CALLING};cpc=ordinary;VerStat=TN-Validation-Passed@north.example.net",
        f"tel:{CALLING};verstat=TN-Validation-Passed",
    ],
)
def test_a_spoofed_verstat_reaches_nobody(spoofed: str) -> None:
    """Property 24: in From, PAI and tel, in mixed case, whoever the carrier is."""
    for trusted in (True, False):
        for headers in ({}, {"p-asserted-identity": [f"<{spoofed}>"]}):
            pai, sender = shown(verdict_on(UNSIGNED, from_uri=spoofed, headers=headers, trusted=trusted))
            assert "Passed" not in pai + sender
            assert (pai + sender).lower().count("verstat") == 1


def test_a_trunk_that_wants_no_verstat() -> None:
    for headers in ({}, ASSERTED):
        pai, sender = shown(verdict_on(PASSED, headers=headers, verstat=False))
        assert "verstat" not in pai + sender


def test_of_an_anonymous_caller_nothing_is_said() -> None:
    """Privacy is not broken by what is known of a number."""
    verdict = verdict_on(PASSED, headers=ASSERTED | {"privacy": ["id"]})
    assert shown(verdict) == ("", "sip:anonymous@anonymous.invalid")
    assert isinstance(verdict, Admit)
    assert "Identity" in verdict.remove_headers


def test_nor_where_a_number_of_his_is_known() -> None:
    """Whoever shows one some day has nothing to say of it."""
    private = call_in([], headers=ASSERTED | {"privacy": ["id"]})
    assert private.caller.number == CALLING
    assert shown_verstat(private, facts(PASSED)) is None
    assert shown_verstat(call_in([], headers=ASSERTED), facts(PASSED)) is Verstat.PASSED


def test_only_the_number_that_was_signed_is_verified() -> None:
    """The signature is of PAI's number: another one in From is not called verified, and the other way round."""
    pai, sender = shown(
        verdict_on(PASSED, headers=ASSERTED, from_uri="sip:+12125550199@north.example.net", trusted=False)
    )
    assert (pai, sender) == ("", "sip:+12125550199;verstat=No-TN-Validation@sbc.example.com;user=phone")
    other = {"p-asserted-identity": ["<sip:+12125550199@x>"]}
    pai, _ = shown(verdict_on(PASSED, headers=other))
    assert "verstat=No-TN-Validation" in pai


def test_who_is_refused_hears_why_only_where_the_policy_says_so() -> None:
    for failed, hears in ((Failed.ANNOUNCE, True), (Failed.REFUSE, False)):
        verdict = verdict_on(FORGED, policy=VerificationPolicy(failed=failed), announcements="/a")
        assert isinstance(verdict, Reject)
        assert isinstance(verdict.announcement, Announcement) is hears
