"""One exposition of many parts: families stand once, samples carry their part, and Prometheus can read it."""

import pytest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from trunkward.admission.posture import Lost
from trunkward.api.look import View
from trunkward.api.metrics import exposition, merged
from trunkward.control.health import health
from trunkward.control.health_facts import ClockFacts, Facts, Part, PartFacts, VerifiedFacts
from trunkward.engines.node_facts import Seen
from trunkward.engines.part_numbers import KamailioNumbers, PartNumbers


def _verdicts(count: float) -> Metric:
    family = CounterMetricFamily("trunkward_gate_verdicts", "Verdicts.", labels=["reason"])
    family.add_metric(["admitted"], count)
    return family


def test_the_same_family_of_two_parts_stands_once() -> None:
    (family,) = merged({"gate-0": [_verdicts(3)], "gate-1": [_verdicts(4)]})
    assert {(s.labels["part"], s.value) for s in family.samples} == {("gate-0", 3), ("gate-1", 4)}


def test_two_versions_that_disagree_spoil_nothing() -> None:
    gauge = GaugeMetricFamily("trunkward_gate_verdicts", "Verdicts.", value=9)
    (family,) = merged({"gate-0": [_verdicts(3)], "gate-1": [gauge]})
    assert [s.value for s in family.samples] == [3]


def _view(seen: Seen, verified: VerifiedFacts | None = None) -> View:
    kinds = {"kamailio": Part.KAMAILIO, "gate-0": Part.GATE, "signer": Part.SIGNER, "web": Part.WEB}
    parts = tuple(
        PartFacts(name=name, part=kind, problem="gone" if name == "signer" else "", version="6.0.1")
        for name, kind in kinds.items()
    )
    facts = Facts(
        now=100.0,
        parts=parts,
        policy_version=7,
        policy_since=1.0,
        clock=ClockFacts(synchronised=None, trusted=True),
        verified=verified,
    )
    return View(health=health(facts), seen=seen)


def test_all_of_it_can_be_read_and_no_family_stands_twice() -> None:
    seen = Seen(
        parts={"gate-0": PartNumbers(families=(_verdicts(3),))},
        kamailio=KamailioNumbers(
            at=99.0,
            since=1.0,
            version="6.0.1",
            calls_running=2,
            trunks_registered=3,
            bindings=4,
            counted={"rcv_requests_invite": 7},
        ),
        rtpengine={
            "currentstatistics": {"sessionstotal": 1},
            "totalstatistics": {"relayedpackets": 5},
            "interfaces": [{"name": "cust", "ports": {"used": 2, "free": 8}}],
        },
        valkey={"used_memory": "1024", "maxmemory": "2048", "acl_access_denied_cmd": "3"},
    )
    text = exposition(_view(seen)).decode()
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }
    assert samples["trunkward_node_ready",] == 1
    assert samples["trunkward_node_lost", ("lost", Lost.SIGNER)] == 1
    assert samples["trunkward_node_lost", ("lost", Lost.CLOCK)] == 0
    assert samples["trunkward_part_ready", ("part", "signer")] == 0
    assert samples["trunkward_calls_running",] == 2
    assert (samples["trunkward_trunks_registered",], samples["trunkward_registrations",]) == (3, 4)
    assert samples["trunkward_kamailio_requests_received_total", ("method", "invite")] == 7
    assert samples["trunkward_kamailio_numbers_age_seconds",] == 1
    assert samples["trunkward_rtpengine_packets_relayed_total",] == 5
    assert samples["trunkward_valkey_memory_used_bytes",] == 1024
    assert samples["trunkward_valkey_commands_denied_total",] == 3
    assert samples["trunkward_rtpengine_ports_free", ("interface", "cust")] == 8
    assert samples["trunkward_build_info", ("part", "kamailio"), ("version", "6.0.1")] == 1


def test_with_everything_lost_there_is_still_an_answer() -> None:
    text = exposition(_view(Seen())).decode()
    assert "trunkward_node_ready 0.0" not in text  # this view has a gate that answers
    assert 'trunkward_part_ready{part="signer"} 0.0' in text


@pytest.mark.parametrize(
    ("verified", "told"),
    [
        (None, {"changed": 0, "not_verified": 0}),
        (
            VerifiedFacts(at=90.0, changed=False, problem="", good_at=90.0),
            {"changed": 0, "not_verified": 0, "verified_timestamp_seconds": 90.0},
        ),
        (
            VerifiedFacts(at=90.0, changed=True, problem="line 7", good_at=-200_000.0),
            {"changed": 1, "not_verified": 1, "verified_timestamp_seconds": -200_000.0},
        ),
        (
            VerifiedFacts(at=90.0, changed=False, problem="no head", good_at=90.0, silent=True),
            {"changed": 0, "not_verified": 1, "verified_timestamp_seconds": 90.0},
        ),
    ],
)
def test_what_came_of_verifying_the_journals(verified: VerifiedFacts | None, told: dict[str, float]) -> None:
    text = exposition(_view(Seen(), verified)).decode()
    found = {
        sample.name.removeprefix("trunkward_journals_"): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("trunkward_journals_")
    }
    assert found == told
