"""A node's health out of facts: what is lost, what that means in the posture table's words, whether calls are taken."""

import json
from dataclasses import replace

import pytest

from trunkward.admission.posture import Lost
from trunkward.control.health import DRAIN, health
from trunkward.control.health_document import as_document
from trunkward.control.health_facts import (
    ClockFacts,
    Part,
    RecordsFacts,
    RetentionFacts,
    SpaceFacts,
    VerifiedFacts,
)
from unit.control.seen import NOW, facts


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


def test_without_any_gate_known_nothing_is_promised() -> None:
    """What `web` sees before the worker has ever told what is in force."""
    none = tuple(part for part in facts().parts if part.part is not Part.GATE)
    found = health(facts(parts=none, policy_version=0))
    assert not found.ready
    assert found.lost == {Lost.GATES}


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
        (
            RetentionFacts(at=NOW + 49 * 3600, problem=""),
            "nobody has looked since a clock was ahead what is over",
        ),
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
        (replace(_GOOD, good_at=NOW + 49 * 3600), "not verified since a clock was ahead"),
        (
            replace(_GOOD, good_at=NOW - 49 * 3600, problem="database is locked"),
            "not verified for 49 hours: database is locked",
        ),
        (replace(_GOOD, silent=True, problem="no head was signed"), "no head was signed"),
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


def test_evidence_that_was_changed_without_an_act_is_told_of() -> None:
    (trouble,) = health(facts(unsound=("record 11 of evidence is not as it was entered",))).troubles
    assert (trouble.what, trouble.blocks) == ("unsound-evidence", False)
    assert trouble.problem.startswith("record 11 of evidence is not as it was entered")


def test_a_signer_that_cannot_delete_is_named() -> None:
    (trouble,) = health(facts(forget_fails=("signer",))).troubles
    assert (trouble.what, trouble.blocks) == ("signature-retention", False)
    assert trouble.problem.startswith("signer: cannot delete")


def test_a_restore_that_nobody_has_confirmed() -> None:
    (trouble,) = health(facts(restored="2026-11-20T03:00:00+00:00")).troubles
    assert (trouble.what, trouble.blocks) == ("restored", False)
    assert trouble.problem.startswith("of the backup of 2026-11-20T03:00:00+00:00")
    assert "trunkward evidence confirm" in trouble.means
