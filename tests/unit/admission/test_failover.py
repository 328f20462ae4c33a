"""Where an inbound call goes when its trunk does not take it: trunks of the tenant, in order, each on its own terms."""

from collections.abc import Callable
from copy import replace
from typing import Any

import pytest

from sipkit.places import TABLE
from trunkward.admission.judge import decide
from trunkward.admission.ports import NO_FACTS, NOTHING_ASKED
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit, Reason, Reject
from trunkward.trunks.callers import NumberRule
from trunkward.trunks.model import Declared, Host

NUMBER = "+12025550101"
#: There is a place for every call.
ROOM = replace(NO_FACTS, live=replace(NOTHING_ASKED, reserved=True))

type Attempt = Callable[..., CallAttempt]


def world(declared: Declared, hq: dict[str, Any], **others: dict[str, Any]) -> Snapshot:
    """The example's trunk, and others of its tenant, each with a host, a name and suites of its own."""
    first = replace(declared.trunks[0], **hq)
    more = []
    for index, (name, changed) in enumerate(others.items()):
        usual: dict[str, Any] = {
            "name": name,
            "numbers": (),
            "certificate_sha256": f"{index:064x}",
            "host": Host(host=f"127.0.0.{50 + index}", port=5061),
            "tls_names": (f"{name}.example.com",),
            "srtp_suites": ("AEAD_AES_256_GCM",),
        }
        more.append(replace(declared.trunks[0], **usual | changed))
    return Snapshot(compile_snapshot(replace(declared, trunks=(first, *more)), {}, 1, TABLE))


@pytest.mark.parametrize(
    ("hq", "b", "c", "peers"),
    [
        ({}, {}, {}, ["acme-hq"]),
        ({"failover": ("b", "c")}, {}, {}, ["acme-hq", "b", "c"]),
        ({"failover": ("c", "b")}, {}, {}, ["acme-hq", "c", "b"]),
        ({"failover": ("b", "c")}, {"enabled": False}, {}, ["acme-hq", "c"]),
        ({"failover": ("b", "c"), "enabled": False}, {}, {}, ["b", "c"]),
        ({"failover": ("b", "c"), "host": None, "tls_names": ()}, {}, {}, ["b", "c"]),
        ({"failover": ("b", "c")}, {"host": None}, {}, ["acme-hq", "c"]),
        # what is said of the number stands above what is said of the trunk; nobody's failover is followed
        ({"failover": ("b",), "number_rules": ((NUMBER, NumberRule(failover=("c",))),)}, {}, {}, ["acme-hq", "c"]),
        ({"failover": ("b",), "number_rules": ((NUMBER, NumberRule(failover=())),)}, {}, {}, ["acme-hq"]),
        ({"failover": ("b",)}, {"failover": ("c",)}, {}, ["acme-hq", "b"]),
    ],
)  # fmt: skip
def test_the_trunks_in_their_order(
    inbound: Attempt,
    declared: Declared,
    hq: dict[str, Any],
    b: dict[str, Any],
    c: dict[str, Any],
    peers: list[str],
) -> None:
    verdict = decide(inbound(NUMBER), None, ROOM, world(declared, hq, b=b, c=c), 1.0, "r")
    assert isinstance(verdict, Admit), verdict
    assert [route.peer for route in verdict.routes] == peers
    # it is a call of the number's trunk, whoever takes it
    assert verdict.trunk == "acme-hq"
    for route in verdict.routes[1:]:
        assert route.tls_profile == f"{route.peer}.example.com"
        assert route.ruri.startswith(f"sip:{NUMBER}@127.0.0.5")
        assert route.called_suites == ["AEAD_AES_256_GCM"]


@pytest.mark.parametrize(
    ("hq", "b", "reason"),
    [
        ({"enabled": False}, {}, Reason.TRUNK_DISABLED),
        ({"enabled": False, "failover": ("b",)}, {"enabled": False}, Reason.TRUNK_DISABLED),
        ({"host": None, "tls_names": ()}, {}, Reason.TAKES_NO_CALLS),
        ({"host": None, "tls_names": (), "failover": ("b",)}, {"host": None}, Reason.TAKES_NO_CALLS),
    ],
)
def test_nobody_takes_it(
    inbound: Attempt, declared: Declared, hq: dict[str, Any], b: dict[str, Any], reason: Reason
) -> None:
    verdict = decide(inbound(NUMBER), None, ROOM, world(declared, hq, b=b), 1.0, "r")
    assert isinstance(verdict, Reject)
    assert (verdict.status, verdict.reason) == (404, reason)
