"""What a gate counts, as it is scraped."""

from prometheus_client import CollectorRegistry, generate_latest

from trunkward.gate.metrics import GateMetrics


def test_all_that_was_counted_is_scraped() -> None:
    counted, registry = GateMetrics(), CollectorRegistry()
    registry.register(counted)
    for took_s in (0.0005, 0.003, 7.0):
        counted.verdict("admit", "admitted", "nobody", took_s)
    counted.verdict("reject", "no-route", "customer", 0.003)
    counted.attested("A")
    counted.emergency("reject")
    counted.replaced("acme-hq")
    counted.given_up += 2
    counted.policy_version = 7
    text = generate_latest(registry).decode()
    for line in (
        'trunkward_gate_verdicts_total{blame="nobody",reason="admitted",verdict="admit"} 3.0',
        'trunkward_gate_verdicts_total{blame="customer",reason="no-route",verdict="reject"} 1.0',
        'trunkward_gate_attested_total{level="A"} 1.0',
        'trunkward_gate_callers_replaced_total{trunk="acme-hq"} 1.0',
        'trunkward_gate_verdict_seconds_bucket{le="0.0005"} 1.0',
        'trunkward_gate_verdict_seconds_bucket{le="0.005"} 3.0',
        'trunkward_gate_verdict_seconds_bucket{le="+Inf"} 4.0',
        "trunkward_gate_verdict_seconds_sum 7.0065",
        'trunkward_gate_emergency_calls_total{verdict="admit"} 0.0',
        'trunkward_gate_emergency_calls_total{verdict="reject"} 1.0',
        "trunkward_gate_given_up_total 2.0",
        "trunkward_gate_policy_version 7.0",
    ):
        assert line in text, text
