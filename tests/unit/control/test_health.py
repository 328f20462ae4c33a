"""A node's health out of facts: what is lost, what that means in the posture table's words, whether calls are taken."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trunkward.admission.posture import POSTURE, Calls, Effect, Lost, effect
from trunkward.control.health import DRAIN, health
from trunkward.control.health_document import as_document
from trunkward.control.health_facts import (
    CertificateFacts,
    CertificateOf,
    ClockFacts,
    Facts,
    Part,
    PartFacts,
    RecordsFacts,
    RetentionFacts,
    SpaceFacts,
    VerifiedFacts,
)
from trunkward.control.trouble import means, refuses

NOW = 1_800_000_000.0
KINDS = {
    "kamailio": Part.KAMAILIO,
    "gate-0": Part.GATE,
    "gate-1": Part.GATE,
    "valkey": Part.VALKEY,
    "signer": Part.SIGNER,
    "rtpengine": Part.RTPENGINE,
    "worker": Part.WORKER,
    "acme": Part.ACME,
    "certificates": Part.CERTIFICATES,
    "web": Part.WEB,
}


def facts(*lost: str, policy: dict[str, int] | None = None, **changed: Any) -> Facts:
    """A healthy node, but for the parts named."""
    parts = tuple(
        PartFacts(
            name=name,
            part=kind,
            problem="gone" if name in lost else "",
            policy_version=(policy or {}).get(name, 7) if kind is Part.GATE else None,
        )
        for name, kind in KINDS.items()
    )
    well = Facts(
        now=NOW,
        parts=parts,
        policy_version=7,
        policy_since=NOW - 60,
        clock=ClockFacts(synchronised=True, trusted=False),
    )
    return replace(well, **changed)


def test_a_healthy_node_is_ready_and_has_no_trouble() -> None:
    found = health(facts())
    assert (found.ready, found.troubles, found.not_ready, found.lost) == (True, (), {}, frozenset())


@pytest.mark.parametrize(
    ("lost", "ready", "row", "said"),
    [
        (["kamailio"], False, None, "all calls: nobody answers"),
        (["gate-0"], True, None, "calls go through the other gates"),
        (["gate-0", "gate-1"], False, Lost.GATES, "outbound, inbound: 503; emergency: goes, by the edge's"),
        (
            ["valkey"],
            False,
            Lost.REDIS,
            "outbound: 503; inbound: goes, within what each gate counts by itself",
        ),
        (["signer"], True, Lost.SIGNER, "outbound: goes unsigned, recorded"),
        (["rtpengine"], False, Lost.RTPENGINE, "outbound, inbound: 503"),
        (["worker"], True, Lost.WORKER, "outbound, inbound, emergency: goes on the last snapshot"),
        (["web"], True, None, "calls go as ever"),
    ],
)
def test_a_lost_part_says_what_that_means(lost: list[str], ready: bool, row: Lost | None, said: str) -> None:
    found = health(facts(*lost))
    (trouble,) = found.troubles
    assert found.ready is ready
    assert trouble.lost is row
    assert trouble.means.startswith(said)
    assert found.not_ready == dict.fromkeys(lost, "gone")
    assert found.lost == ({row} if row else set())


@pytest.mark.parametrize(
    ("lost", "policy", "ready"),
    [
        ((), {"gate-0": 6}, True),
        ((), {"gate-0": 6, "gate-1": 6}, False),
        (("gate-1",), {"gate-0": 6}, False),
    ],
)
def test_gates_that_are_behind_are_not_lost(
    lost: tuple[str, ...], policy: dict[str, int], ready: bool
) -> None:
    found = health(facts(*lost, policy=policy))
    assert (found.ready, found.lost) == (ready, frozenset())
    told = {trouble.what: trouble.means for trouble in found.troubles}
    for gate in policy:
        assert told[gate] == "calls go on by the policy it has"
    assert set(told) == {*lost, *policy}


@pytest.mark.parametrize("lost", [(), ("kamailio",)])
def test_a_drained_node_is_not_ready_and_says_why(lost: tuple[str, ...]) -> None:
    found = health(facts(*lost, drain="since noon by ann"))
    assert not found.ready
    assert set(found.not_ready) == set(lost)  # no part is at fault
    drained = found.troubles[-1]
    assert (drained.what, drained.problem, drained.blocks) == (DRAIN, "since noon by ann", True)
    assert "node-draining" in drained.means
    document = as_document(found, names=True)
    assert (document["ready"], document["draining"]) == (False, True)
    # what alerts go by: a lost Kamailio is not hidden by the drain
    assert found.blocked is bool(lost)


@pytest.mark.parametrize("part", ["acme", "certificates"])
def test_who_sees_to_certificates_is_missed_by_no_call(part: str) -> None:
    found = health(facts(part))
    assert found.ready
    assert set(found.not_ready) == {part}
    assert "no certificate from elsewhere is renewed" in found.troubles[0].means


@pytest.mark.parametrize(
    ("days", "late", "problem", "said"),
    [
        # six days in all: what is left says nothing, its lifetime does
        (4, False, "", None),
        (1, True, "", "ends "),
        (40, True, "asked for twice in vain: no", "asked for twice in vain: no"),
        (None, True, "none yet", "none yet"),
        (-1, True, "asked for in vain", "ended "),
    ],
)
def test_a_certificate_from_elsewhere(days: float | None, late: bool, problem: str, said: str | None) -> None:
    certificate = replace(_certificate(CertificateOf.SHOWN, days), late=late, problem=problem)
    found = health(facts(certificates=(certificate,)))
    assert found.ready
    assert [trouble.problem.startswith(said or "-") for trouble in found.troubles] == ([True] if said else [])


def test_several_lost_parts_are_several_troubles() -> None:
    found = health(facts("signer", "worker", "gate-1"))
    assert [trouble.what for trouble in found.troubles] == ["gate-1", "signer", "worker"]
    assert found.ready


def test_media_that_is_not_anchored_misses_no_rtpengine() -> None:
    found = health(facts("rtpengine", media_anchored=False))
    assert found.ready
    assert found.troubles == ()
    assert "rtpengine" in found.not_ready


@pytest.mark.parametrize(
    ("behind", "since_s", "ready", "not_ready"),
    [
        ({"gate-0": 6}, 4.0, True, set()),  # the worker and the gate need a moment
        ({"gate-0": 6}, 6.0, True, {"gate-0"}),
        ({"gate-0": 6, "gate-1": 6}, 6.0, False, {"gate-0", "gate-1"}),
        ({"gate-0": 8}, 6.0, True, {"gate-0"}),  # after a rollback as well
    ],
)
def test_a_gate_behind_the_policy_in_force_leaves_readiness(
    behind: dict[str, int], since_s: float, ready: bool, not_ready: set[str]
) -> None:
    found = health(facts(policy=behind, policy_since=NOW - since_s))
    assert found.ready is ready
    assert set(found.not_ready) == not_ready
    assert all("it decides by policy" in why for why in found.not_ready.values())


@pytest.mark.parametrize(
    ("synchronised", "trusted", "lost"),
    [
        (True, False, False),
        (False, False, True),
        (None, False, True),
        (False, True, False),
        (None, True, False),
    ],
)
def test_the_clock(synchronised: bool | None, trusted: bool, lost: bool) -> None:
    found = health(facts(clock=ClockFacts(synchronised=synchronised, trusted=trusted)))
    assert found.ready
    assert found.lost == ({Lost.CLOCK} if lost else set())


def test_records_that_wait_too_long() -> None:
    assert not health(facts(records=RecordsFacts(waiting_bytes=10**9, waiting_s=29))).troubles
    (trouble,) = health(facts(records=RecordsFacts(waiting_bytes=512, waiting_s=31))).troubles
    assert (trouble.what, trouble.problem) == ("records", "512 bytes wait, the oldest for 31 s")


@pytest.mark.parametrize(
    ("what", "free_mib", "said"),
    [
        ("state", 2000, None),
        ("state", 1000, "once it is full: outbound, inbound: 503 (record-not-written)"),
        ("run", 1000, None),
        ("run", 60, "once it is full: running calls are lost with Kamailio, policies cannot change"),
        ("log", 1000, "calls go as ever; logs end"),
    ],
)
def test_room_that_ends(what: str, free_mib: int, said: str | None) -> None:
    place = SpaceFacts(what=what, path="/x", free_bytes=free_mib << 20, size_bytes=1 << 40)
    assert [trouble.means for trouble in health(facts(space=(place,))).troubles] == ([said] if said else [])


def _certificate(of: CertificateOf, days: float | None, name: str = "x.pem") -> CertificateFacts:
    until = None if days is None else datetime.fromtimestamp(NOW, UTC) + timedelta(days=days)
    return CertificateFacts(name=name, of=of, until=until)


@pytest.mark.parametrize("of", list(CertificateOf))
@pytest.mark.parametrize(
    ("days", "problem", "words"),
    [(16, None, ""), (14, "ends ", "from then on: "), (-1, "ended ", ""), (None, "cannot be read", "")],
)
def test_certificates_that_end(
    of: CertificateOf, days: float | None, problem: str | None, words: str
) -> None:
    found = health(facts(certificates=(_certificate(of, days),)))
    assert found.ready
    if problem is None:
        assert not found.troubles
    else:
        (trouble,) = found.troubles
        assert trouble.problem.startswith(problem)
        assert trouble.means.startswith(words)


def test_an_end_on_this_very_day_has_its_time() -> None:
    ends = datetime.fromtimestamp(NOW, UTC).replace(hour=23, minute=59)
    one = CertificateFacts(
        name="signing certificate of node", of=CertificateOf.SIGNING, until=ends, problem="down", late=False
    )
    (trouble,) = health(facts(certificates=(one,))).troubles
    assert trouble.means.startswith(f"from {ends:%Y-%m-%d} 23:59 UTC on: ")


def test_a_thousand_certificates_that_end_together_are_one_trouble() -> None:
    ending = tuple(_certificate(CertificateOf.PEER, 3, f"peers/{index}.pem") for index in range(1000))
    (trouble,) = health(facts(certificates=ending)).troubles
    assert trouble.what == "peers/0.pem and 999 more"


@pytest.mark.parametrize("problem", ["", "/etc/bravo-hq/chain.pem: no certificate in PEM"])
def test_whoever_may_not_know_names_is_told_none(problem: str) -> None:
    found = health(
        facts(
            certificates=tuple(
                replace(_certificate(of, 3, name), problem=problem)
                for of, name in (
                    (CertificateOf.PEER, "peers/bravo-hq.pem"),
                    (CertificateOf.PEER, "peers/bravo-lab.pem"),
                    (CertificateOf.CARRIER_AUTHORITY, "carrier bravo: ca"),
                )
            )
        )
    )
    told = as_document(found, names=False)
    assert "bravo" not in str(told)
    assert [trouble["what"] for trouble in told["troubles"]] == [
        "certificates (peer): 2",
        "certificates (carrier-authority): 1",
    ]
    assert "from then on" in told["troubles"][0]["means"] or problem
    assert "peers/bravo-hq.pem and 1 more" in str(as_document(found, names=True))


@pytest.mark.parametrize("lost", list(Lost))
def test_the_words_are_the_tables(lost: Lost) -> None:
    row = next(row for row in POSTURE if row.lost is lost)
    for calls, its in row.effects.items():
        quiet = its in (Effect.GOES, Effect.UNAFFECTED)
        assert (its.value in means(lost)) or quiet, calls
    assert refuses(lost) == (effect(lost, Calls.OUTBOUND) is Effect.REFUSED)


def test_without_any_gate_known_nothing_is_promised() -> None:
    """What `web` sees before the worker has ever told what is in force."""
    none = tuple(part for part in facts().parts if part.part is not Part.GATE)
    found = health(facts(parts=none, policy_version=0))
    assert not found.ready
    assert found.lost == {Lost.GATES}


def test_the_document_has_every_part_and_trouble() -> None:
    document = as_document(health(facts("signer", policy={"gate-1": 6})), names=True)
    assert document["ready"] is True
    assert {name for name, part in document["parts"].items() if not part["ready"]} == {"signer", "gate-1"}
    assert document["parts"]["gate-0"]["policy_version"] == 7
    assert [trouble["what"] for trouble in document["troubles"]] == ["gate-1", "signer"]
    assert document["troubles"][1]["lost"] == "signer"


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (None, None),
        (RetentionFacts(at=NOW - 3600, problem=""), None),
        (
            RetentionFacts(at=NOW - 3600, problem="the clock is not synchronised"),
            "the clock is not synchronised",
        ),
        (RetentionFacts(at=NOW - 49 * 3600, problem=""), "nobody has looked for 49 hours what is over: end"),
    ],
)
def test_evidence_that_is_kept_for_too_long(found: RetentionFacts | None, problem: str | None) -> None:
    seen = facts(retention=found)
    troubles = health(seen).troubles
    assert [one.what for one in troubles] == (["retention"] if problem else [])
    assert all(one.problem.startswith(problem or "") for one in troubles)
    assert (seen.retention_fails, health(seen).ready) == (problem is not None, True)


@pytest.mark.parametrize(("up_s", "fails"), [(3599, False), (3601, True)])
def test_an_up_that_does_not_look_is_told_of(up_s: float, fails: bool) -> None:
    """One of a version before, which lives on after an upgrade of its parts."""
    well = facts()
    parts = (well.parts[0], *(replace(part, since=NOW - up_s) for part in well.parts[1:]))
    seen = replace(well, parts=parts)
    assert (seen.retention_fails, health(seen).ready) == (fails, True)
    assert [one.problem[:34] for one in health(seen).troubles] == [
        "nobody has looked for 1 hours what"
    ] * fails


_GOOD = VerifiedFacts(at=NOW - 3600, changed=False, problem="", good_at=NOW - 3600, looked_at="all")


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (None, None),
        (_GOOD, None),
        (replace(_GOOD, at=NOW, problem="database is locked"), None),
        (replace(_GOOD, good_at=NOW - 47.9 * 3600), None),
        (replace(_GOOD, good_at=NOW - 49 * 3600), "not verified for 49 hours"),
        (
            replace(_GOOD, good_at=NOW - 49 * 3600, problem="database is locked"),
            "not verified for 49 hours: database is locked",
        ),
        (replace(_GOOD, changed=True, problem="node: line 7: changed"), "node: line 7: changed"),
        (
            replace(_GOOD, changed=True, problem="node: line 7: changed", good_at=NOW - 49 * 3600),
            "node: line 7: changed",
        ),
    ],
)
def test_journals_that_were_changed_or_that_nobody_verifies(
    found: VerifiedFacts | None, problem: str | None
) -> None:
    its = health(facts(verified=found))
    assert [(one.what, one.problem) for one in its.troubles] == ([("journals", problem)] if problem else [])
    assert its.ready
    # names of resellers may be in it
    for names in (False, True):
        told = json.dumps(as_document(its, names=names))
        assert ("node: line 7" in told) == (names and bool(problem) and "line 7" in (problem or ""))


@pytest.mark.parametrize(("up_s", "fails"), [(86_399, False), (86_401, True)])
def test_a_node_that_never_verified_is_told_of_after_a_day(up_s: float, fails: bool) -> None:
    well = facts(retention=RetentionFacts(at=NOW, problem=""))
    parts = (well.parts[0], *(replace(part, since=NOW - up_s) for part in well.parts[1:]))
    found = health(replace(well, parts=parts))
    assert [one.problem for one in found.troubles] == ["not verified for 24 hours"] * fails


def test_who_does_not_take_the_list_of_denied_evidence_is_named() -> None:
    (trouble,) = health(facts(denied_left=("gate-0", "signer"))).troubles
    assert (trouble.what, trouble.blocks) == ("denied-evidence", False)
    assert trouble.problem.startswith("gate-0, signer: the list of denied evidence is not taken")


def test_a_signer_that_cannot_delete_is_named() -> None:
    (trouble,) = health(facts(forget_fails=("signer",))).troubles
    assert (trouble.what, trouble.blocks) == ("signature-retention", False)
    assert trouble.problem.startswith("signer: cannot delete")


def test_a_restore_that_nobody_has_confirmed() -> None:
    (trouble,) = health(facts(restored="2026-11-20T03:00:00+00:00")).troubles
    assert (trouble.what, trouble.blocks) == ("restored", False)
    assert trouble.problem.startswith("of the backup of 2026-11-20T03:00:00+00:00")
    assert "trunkward evidence confirm" in trouble.means
