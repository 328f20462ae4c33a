"""What a live node tells Prometheus: every metric the dashboard and the alerts name, and what calls change in it."""

import asyncio
import json
import re
import signal
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from trunkward.records.model import DecisionRecord
from trunkward.records.segment import encode
from wire.conftest import Node
from wire.health.conftest import ask, readiness
from wire.node.test_gate_failures import frozen
from wire.records.parties import eventually, parties, running_call

MONITORING = Path(__file__).parents[3] / "monitoring"
#: Of trunks, carriers, numbers.
_NAMES = re.compile(r"acme|north|\+1202")
_NAME = re.compile(r"\b(?:trunkward|process)_[a-z0-9_]+\b")


def _told() -> set[str]:
    """The names of a scrape, with those a histogram has."""
    names = set()
    for line in ask("/metrics")[1].splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            names.add(name)
            if kind == "histogram":
                names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return names


def _more_than(name: str, than: float, **labels: str) -> bool:
    return _value(name, **labels) > than


def _value(name: str, **labels: str) -> float:
    """The sum of a metric's samples with these labels."""
    total = 0.0
    for line in ask("/metrics")[1].splitlines():
        if re.match(rf"{name}[{{ ]", line) and all(f'{k}="{v}"' in line for k, v in labels.items()):
            total += float(line.rpartition(" ")[2])
    return total


@pytest.mark.parametrize("file", ["rules.yaml", "dashboard.json"])
def test_every_metric_that_is_named_is_there(node: Node, file: str) -> None:
    """Summary: each metric a rule or a panel names is in a live node's /metrics."""
    text = (MONITORING / file).read_text(encoding="utf-8")
    if file == "dashboard.json":
        panels = json.loads(text)["panels"]
        text = "\n".join(target["expr"] for panel in panels for target in panel.get("targets", []))
    named = set(_NAME.findall(text))
    assert len(named) > 20
    # Kamailio's are there a second after its start
    eventually(lambda: named <= _told(), 20, f"named, and not told: {named - _told()}")


def test_names_are_as_prometheus_wants_them(node: Node) -> None:
    """Summary: counters end in _total, durations and sizes have their unit, nothing has a label that calls choose."""
    for line in ask("/metrics")[1].splitlines():
        if line.startswith("# TYPE trunkward_"):
            _, _, name, kind = line.split()
            assert name.endswith("_total") == (kind == "counter"), name
            assert not re.search(r"_(ms|milliseconds|kb|minutes|days)(_|$)", name), name
    labels = set(re.findall(r'[{,]([a-z_]+)="', ask("/metrics")[1]))
    assert labels <= {
        *("answered", "blame", "certificate", "ending", "interface", "kind", "le", "level", "lost", "method"),
        *("part", "place", "reason", "result", "side", "state", "status", "verdict", "version", "attest"),
        # of signatures of calls from carriers, which are the node file's; and where a certificate came from, or a list
        *("cause", "code", "list", "source", "upstream", "verstat", "what", "why"),
        # of the signers: whose, with which certificate, and why not
        *("identity", "serial", "unfit"),
    }


def test_how_many_series_there_are(node: Node) -> None:
    """Summary: as many series as docs/monitoring.md says, on a node with two gates, the example's trunk and carriers, and no call yet."""
    eventually(lambda: "trunkward_kamailio_tls_connections" in _told(), 20, "Kamailio's numbers")
    series = [line for line in ask("/metrics")[1].splitlines() if not line.startswith("#")]
    print(f"{len(series)} series with two gates and no call")
    page = (MONITORING.parent / "docs/monitoring.md").read_text(encoding="utf-8")
    told = re.search(r"some (\d+) with two gates and no call", page)
    assert told is not None
    assert abs(len(series) - int(told[1])) <= 15, len(series)


def test_a_call_moves_the_numbers(node: Node) -> None:
    """Summary: a call shows as running with its media session and connections, then as ended, answered, with its talk time."""

    async def run() -> None:
        async with parties(node) as lab:
            call = await running_call(lab)
            for name, labels in (
                ("trunkward_calls_running", {}),
                ("trunkward_rtpengine_sessions", {}),
                ("trunkward_rtpengine_ports_used", {"interface": "cust"}),
                ("trunkward_kamailio_tls_connections", {}),
                ("trunkward_kamailio_transactions", {}),
                ("trunkward_kamailio_requests_received_total", {"method": "invite"}),
            ):
                # the edge writes Kamailio's numbers once a second
                await asyncio.to_thread(eventually, partial(_more_than, name, 0, **labels), 20, name)
            assert _value("trunkward_calls_running") == 1
            assert (await call.bye()).status == 200

    verdicts = _value("trunkward_gate_verdicts_total", verdict="admit", blame="nobody")
    asyncio.run(run())
    eventually(
        lambda: _value("trunkward_calls_ended_total", ending="bye", answered="yes") == 1,
        20,
        "the call is counted",
    )
    assert _value("trunkward_calls_talk_seconds_total") > 0
    # each process counts for itself
    judged = partial(_value, "trunkward_gate_verdicts_total", verdict="admit", blame="nobody")
    eventually(lambda: judged() == verdicts + 1, 20, "the verdict is counted")
    shipped = partial(_value, "trunkward_records_shipped_total", kind="outcome")
    eventually(lambda: shipped() == 1, 20, "the outcome is counted")
    eventually(lambda: _value("trunkward_calls_running") == 0, 20, "no call runs")
    eventually(lambda: _value("trunkward_records_waiting_bytes") == 0, 20, "nothing waits")
    used, size = (_value(f"trunkward_kamailio_shared_memory_{what}_bytes") for what in ("used", "size"))
    assert 0 < used < size < 1024 << 20


def test_what_the_edge_refuses_without_a_gate_is_counted(node: Node) -> None:
    """Summary: both gates frozen: the 503 gate-unavailable is in a metric, once."""
    refused = partial(_value, "trunkward_edge_verdicts_total", reason="gate-unavailable", blame="us")
    before = refused()

    async def run() -> None:
        async with parties(node) as lab:
            with frozen(node):
                assert (await (await lab.call()).final()).status == 503

    asyncio.run(run())
    eventually(lambda: refused() == before + 1, 20, "the refusal is counted")


def test_what_retention_deletes_is_counted(node: Node) -> None:
    """Summary: a call of long ago is shipped by a worker that has just started, and deleted again: counted."""
    old = DecisionRecord(
        record_id="old", at=1.0, attempt_id="old", call_id="old", verdict="reject", reason="no-route"
    )
    gate = node.state / "records" / "gate-9"
    gate.mkdir(mode=0o755)
    (gate / "1.jsonl").write_bytes(encode(old))
    # one that starts looks at once
    node.signal("worker", signal.SIGKILL)
    eventually(
        lambda: _value("trunkward_records_deleted_total", kind="call") == 1, 30, "the deletion is counted"
    )


def test_nothing_else_is_served(node: Node) -> None:
    """Summary: three paths and no other; /healthz says that this process lives, and its version."""
    status, text = ask("/healthz")
    assert status == 200
    assert json.loads(text)["alive"] is True
    for path in ("/", "/docs", "/redoc", "/openapi.json", "/metrics/", "/api"):
        assert ask(path)[0] == 404, path
    # names of trunks, carriers, numbers are nobody's who only reaches the port
    for path in ("/readyz", "/metrics"):
        assert not _NAMES.search(ask(path)[1]), path


def test_a_certificate_that_ends_is_told_without_its_name(node: Node) -> None:
    """Summary: a trunk's certificate with days left is a trouble of /readyz by its kind; whose it is `status` tells root alone."""

    def troubles() -> list[str]:
        return [trouble["what"] for trouble in readiness()[1]["troubles"]]

    file = node.state / "pki" / "peers" / "acme-hq.pem"
    kept = file.read_bytes()
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    ending = (
        x509.CertificateBuilder(x509.Name([]), x509.Name([]), key.public_key(), 1)
        .not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=3))
        .sign(key, SHA256())
    )
    file.write_bytes(ending.public_bytes(Encoding.PEM))
    try:
        eventually(lambda: troubles() == ["certificates (peer): 1"], 20, "its trouble, and no other")
        assert not _NAMES.search(ask("/readyz")[1])
        assert "acme-hq.pem" in node.trunkward("status").stdout
    finally:
        file.write_bytes(kept)
    eventually(lambda: not troubles(), 20, "no trouble")
