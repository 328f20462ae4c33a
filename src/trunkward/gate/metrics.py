"""What a gate counts; scraped from a loopback port."""

from prometheus_client import Counter, Gauge, Histogram

verdicts = Counter("trunkward_gate_verdicts_total", "Verdicts by kind and reason.", ["verdict", "reason"])
seconds = Histogram(
    "trunkward_gate_verdict_seconds",
    "From the attempt's arrival to its verdict.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5),
)
attested = Counter("trunkward_gate_attested_total", "Signed calls by level; `none` for unsigned.", ["level"])
outcomes = Counter("trunkward_gate_outcomes_total", "Ended calls by ending.", ["ending"])
policy_version = Gauge("trunkward_gate_policy_version", "Version of the policy snapshot in force.")
