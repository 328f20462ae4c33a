"""Every alert fires on what it is for, keeps quiet otherwise, and says where to read on; Prometheus' own tool judges."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
RULES = ROOT / "monitoring" / "rules.yaml"

#: Of `node`, the one node that is watched here.
NODE = 'instance="sbc",job="trunkward"'


@dataclass(frozen=True)
class Case:
    """Series in promtool's notation (a sample each minute), for an alert that fires and one that does not."""

    fires: dict[str, str]
    quiet: dict[str, str]
    after: str = "20m"


def _flat(name: str, high: str, low: str, labels: str = "", after: str = "20m") -> Case:
    series = f"{name}{{{NODE}{',' if labels else ''}{labels}}}"
    return Case({series: f"{high}x130"}, {series: f"{low}x130"}, after)


def _series(name: str, labels: str = "") -> str:
    return f"{name}{{{NODE}{',' if labels else ''}{labels}}}"


_GATE = 'part="gate-0"'
_VERDICTS = "trunkward_gate_verdicts_total"
_EDGE = 'part="worker",verdict="reject",reason="gate-unavailable",blame="us"'
_EDGE_EMERGENCY = 'part="worker",verdict="admit",reason="admitted-emergency",blame="nobody"'
_BUCKET = "trunkward_gate_verdict_seconds_bucket"
_ENDED = "trunkward_calls_ended_total"
_CERTIFICATE = "trunkward_certificate_expiry_timestamp_seconds"
#: The tests' clock starts at 1970.
_DAY = 86_400

CASES = {
    "TrunkwardNotScraped": _flat("up", "0+0", "1+0"),
    "TrunkwardNotReady": Case(
        # also while it is drained
        {_series("trunkward_node_blocked"): "1+0x30", _series("trunkward_node_draining"): "1+0x30"},
        # somebody wanted it so
        {
            _series("trunkward_node_ready"): "0+0x30",
            _series("trunkward_node_blocked"): "0+0x30",
            _series("trunkward_node_draining"): "1+0x30",
        },
    ),
    "TrunkwardLimitsLost": _flat("trunkward_gate_redis_lost", "1+0", "0+0", _GATE),
    "TrunkwardDrained": Case(
        {_series("trunkward_node_draining"): "1+0x300"},
        {_series("trunkward_node_draining"): "1+0x200 0+0x100"},
        "250m",
    ),
    "TrunkwardPartDown": _flat("trunkward_part_ready", "0+0", "1+0", 'part="signer"'),
    "TrunkwardPartRestarts": _flat("trunkward_part_start_timestamp_seconds", "0+60", "5+0", _GATE),
    "TrunkwardPolicyLag": Case(
        {
            _series("trunkward_gate_policy_version", _GATE): "6+0x30",
            _series("trunkward_node_policy_version"): "7+0x30",
        },
        {
            _series("trunkward_gate_policy_version", _GATE): "7+0x30",
            _series("trunkward_node_policy_version"): "7+0x30",
        },
    ),
    "TrunkwardClockNotSynchronised": _flat(
        "trunkward_node_lost", "1+0", "0+0", 'lost="clock not synchronised"'
    ),
    "TrunkwardClockErrorLarge": Case(
        {
            _series("trunkward_clock_maximum_error_seconds"): "2+0x30",
            _series("trunkward_clock_synchronised"): "1+0x30",
        },
        {
            _series("trunkward_clock_maximum_error_seconds"): "0.1+0x30",
            _series("trunkward_clock_synchronised"): "1+0x30",
        },
    ),
    "TrunkwardCertificateEndsSoon": _flat(
        _CERTIFICATE, f"{20 * _DAY}+0", f"{25 * _DAY}+0", 'certificate="peer"', "2h"
    ),
    "TrunkwardEvidenceEndsSoon": _flat(
        "trunkward_evidence_expiry_timestamp_seconds",
        f"{29 * _DAY}+0",
        f"{31 * _DAY}+0",
        'part="worker",evidence="loa"',
        "2h",
    ),
    # Property 31: 8 hours before 24 are over, and then
    "TrunkwardTracebackDueSoon": _flat(
        "trunkward_traceback_due_timestamp_seconds", "29000+0", "31000+0", 'part="worker"'
    ),
    "TrunkwardTracebackOverdue": _flat("trunkward_traceback_requests_overdue", "1+0", "0+0", 'part="worker"'),
    "TrunkwardDelegateNotGood": _flat("trunkward_evidence_bad_delegates", "1+0", "0+0", 'part="worker"'),
    "TrunkwardDeniedListNotTaken": _flat("trunkward_denied_list", "0+0", "1795435200+1", 'part="signer"'),
    "TrunkwardEvidenceNotSound": _flat("trunkward_evidence_unsound", "1+0", "0+0"),
    "TrunkwardEvidenceNotDeleted": _flat("trunkward_evidence_retention_failing", "1+0", "0+0", after="2h"),
    "TrunkwardRestoredNotConfirmed": _flat("trunkward_node_restored_unconfirmed", "1+0", "0+0"),
    "TrunkwardCertificateEnds": _flat(_CERTIFICATE, f"{2 * _DAY}+0", f"{20 * _DAY}+0", 'certificate="node"'),
    "TrunkwardCertificateNotRenewed": _flat("trunkward_certificates_not_renewed", "1+0", "0+0", after="2h"),
    "TrunkwardSigningCertificateRevoked": _flat(
        "trunkward_signing_certificate_revoked", "1+0", "0+0", 'identity="node"'
    ),
    "TrunkwardSigningCertificateEnds": _flat(
        "trunkward_signing_certificate_expiry_timestamp_seconds",
        "21600+0",
        "30000+0",
        'identity="resold"',
        "20m",
    ),
    "TrunkwardListEnded": _flat(_CERTIFICATE, "600+0", "90000+0", 'certificate="revocation-list"'),
    "TrunkwardListNotRenewed": _flat("trunkward_list_failing", "1+0", "0+0", 'list="trusted"', "2h"),
    "TrunkwardListRefused": _flat(
        "trunkward_gate_list_refused", "1+0", "0+0", f'{_GATE},list="revocations"', "30m"
    ),
    "TrunkwardSignerFails": _flat(
        "trunkward_signer_failures_total", "0+1", "1+0", 'part="signer",what="look"', "30m"
    ),
    "TrunkwardCertificateUnreadable": _flat("trunkward_certificates_unreadable", "1+0", "0+0"),
    "TrunkwardRecordsWait": _flat("trunkward_records_waiting_seconds", "31+0", "0.5+0", 'part="worker"'),
    "TrunkwardWorkerFails": Case(
        {
            _series("trunkward_worker_rounds_failed_total", 'part="worker"'): "3+0x30",
            _series("trunkward_worker_compilations_failed_total", 'part="worker"'): "0+60x30",
        },
        {
            _series("trunkward_worker_rounds_failed_total", 'part="worker"'): "3+0x30",
            _series("trunkward_worker_compilations_failed_total", 'part="worker"'): "3+0x30",
        },
    ),
    "TrunkwardSpaceLow": Case(
        {
            _series("trunkward_space_free_bytes", 'place="state"'): "9+0x30",
            _series("trunkward_space_size_bytes", 'place="state"'): "100+0x30",
        },
        {
            _series("trunkward_space_free_bytes", 'place="state"'): "50+0x30",
            _series("trunkward_space_size_bytes", 'place="state"'): "100+0x30",
        },
    ),
    "TrunkwardSpaceEnds": _flat("trunkward_space_free_bytes", "10000-100", "10000-1", 'place="state"', "80m"),
    "TrunkwardEmergencyCall": Case(
        # by a gate, or by the edge with no gate to ask
        {
            _series("trunkward_gate_emergency_calls_total", f'{_GATE},verdict="admit"'): "0+0x30",
            _series("trunkward_edge_verdicts_total", _EDGE_EMERGENCY): "0+0x18 1+0x12",
        },
        {
            _series("trunkward_gate_emergency_calls_total", f'{_GATE},verdict="admit"'): "0+0x2 1+0x30",
            _series("trunkward_gate_emergency_calls_total", f'{_GATE},verdict="reject"'): "0+1x30",
            _series("trunkward_edge_verdicts_total", _EDGE): "0+1x30",
        },
    ),
    "TrunkwardEmergencyRefused": Case(
        {_series("trunkward_gate_emergency_calls_total", f'{_GATE},verdict="reject"'): "0+0x18 1+0x12"},
        {
            _series("trunkward_gate_emergency_calls_total", f'{_GATE},verdict="reject"'): "1+0x30",
            _series("trunkward_gate_emergency_calls_total", f'{_GATE},verdict="admit"'): "0+1x30",
        },
    ),
    "TrunkwardRefusalsByUs": Case(
        {
            _series(_VERDICTS, f'{_GATE},verdict="reject",reason="internal-error",blame="us"'): "0+2x30",
            _series(_VERDICTS, f'{_GATE},verdict="admit",reason="admitted",blame="nobody"'): "0+98x30",
        },
        {
            _series(_VERDICTS, f'{_GATE},verdict="reject",reason="no-route",blame="customer"'): "0+2x30",
            _series(_VERDICTS, f'{_GATE},verdict="reject",reason="node-draining",blame="us"'): "0+2x30",
            _series(_VERDICTS, f'{_GATE},verdict="admit",reason="admitted",blame="nobody"'): "0+96x30",
            _series("trunkward_edge_verdicts_total", _EDGE): "0+0x30",
        },
    ),
    "TrunkwardCarrierDown": Case(
        {_series("trunkward_carriers", 'part="worker",state="down"'): "1+0x30"},
        {
            _series("trunkward_carriers", 'part="worker",state="down"'): "0+0x30",
            _series("trunkward_carriers", 'part="worker",state="unknown"'): "2+0x30",
        },
    ),
    "TrunkwardCarriersAllDown": Case(
        {
            _series("trunkward_carriers", f'part="worker",state="{state}"'): f"{count}+0x30"
            for state, count in (("up", 0), ("down", 2), ("unknown", 0))
        },
        {
            _series("trunkward_carriers", f'part="worker",state="{state}"'): f"{count}+0x30"
            for state, count in (("up", 1), ("down", 2), ("unknown", 0))
        },
    ),
    "TrunkwardRefusalsHigh": Case(
        {
            _series(
                _VERDICTS, f'{_GATE},verdict="discard",reason="unknown-source",blame="caller"'
            ): "0+60x40",
            _series(_VERDICTS, f'{_GATE},verdict="admit",reason="admitted",blame="nobody"'): "0+40x40",
        },
        # few calls: one refusal says nothing
        {_series(_VERDICTS, f'{_GATE},verdict="reject",reason="no-route",blame="customer"'): "0+1x40"},
        "30m",
    ),
    "TrunkwardVerdictsSlow": Case(
        {
            _series(_BUCKET, f'{_GATE},le="0.05"'): "0+90x30",
            _series(_BUCKET, f'{_GATE},le="0.1"'): "0+100x30",
            _series(_BUCKET, f'{_GATE},le="+Inf"'): "0+100x30",
        },
        {
            _series(_BUCKET, f'{_GATE},le="0.05"'): "0+100x30",
            _series(_BUCKET, f'{_GATE},le="0.1"'): "0+100x30",
            _series(_BUCKET, f'{_GATE},le="+Inf"'): "0+100x30",
        },
    ),
    "TrunkwardEdgeGivesUp": _flat("trunkward_gate_given_up_total", "0+3", "4+0", _GATE),
    "TrunkwardSignerRefuses": _flat(
        "trunkward_signer_refusals_total", "0+2", "4+0", 'part="signer",reason="evidence-expired"'
    ),
    "TrunkwardSignerFilesUnfit": _flat("trunkward_signer_files_fit", "0+0", "1+0", 'part="signer"'),
    "TrunkwardJournalGap": _flat("trunkward_signer_journal_gap_lines", "3+0", "0+0", 'part="signer"'),
    "TrunkwardHeadsNotSigned": Case(
        {_series("trunkward_worker_heads_signed_timestamp_seconds"): "0+0x140"},
        {_series("trunkward_worker_heads_signed_timestamp_seconds"): "0+60x140"},
        "140m",
    ),
    "TrunkwardJournalsChanged": _flat("trunkward_journals_changed", "1+0", "0+0"),
    "TrunkwardJournalsNotVerified": _flat("trunkward_journals_not_verified", "1+0", "0+0", after="2h"),
    "TrunkwardCallersReplaced": Case(
        # through whichever gate
        {
            _series("trunkward_gate_callers_replaced_total", f'part="gate-{n}",trunk="acme-hq"'): "0+0.5x70"
            for n in (0, 1)
        },
        # as many of two trunks
        {
            _series("trunkward_gate_callers_replaced_total", f'{_GATE},trunk="{name}"'): "0+0.5x70"
            for name in ("acme-hq", "beta-hq")
        },
        "65m",
    ),
    "TrunkwardSharedMemoryLow": Case(
        {
            _series("trunkward_kamailio_shared_memory_used_bytes"): "81+0x30",
            _series("trunkward_kamailio_shared_memory_size_bytes"): "100+0x30",
        },
        {
            _series("trunkward_kamailio_shared_memory_used_bytes"): "20+0x30",
            _series("trunkward_kamailio_shared_memory_size_bytes"): "100+0x30",
        },
    ),
    "TrunkwardNumbersOld": _flat("trunkward_kamailio_numbers_age_seconds", "31+0", "1+0"),
    "TrunkwardPacketErrors": Case(
        {
            _series("trunkward_rtpengine_packet_errors_total"): "0+10x30",
            _series("trunkward_rtpengine_packets_relayed_total"): "0+90x30",
        },
        {
            _series("trunkward_rtpengine_packet_errors_total"): "0+1x30",
            _series("trunkward_rtpengine_packets_relayed_total"): "0+99x30",
        },
    ),
    "TrunkwardMediaPortsLow": Case(
        {
            _series("trunkward_rtpengine_ports_free", 'interface="cust"'): "9+0x30",
            _series("trunkward_rtpengine_ports_used", 'interface="cust"'): "91+0x30",
        },
        {
            _series("trunkward_rtpengine_ports_free", 'interface="cust"'): "91+0x30",
            _series("trunkward_rtpengine_ports_used", 'interface="cust"'): "9+0x30",
        },
    ),
    "TrunkwardRegistrationLost": Case(
        {_series("trunkward_trunks_registered"): "3+0x10 2+0x30"},
        # a PBX that comes again, and one that is new
        {_series("trunkward_trunks_registered"): "3+0x10 2 2 3+0x20 4+0x10"},
        "17m",
    ),
    "TrunkwardAnswersFew": Case(
        {
            _series(_ENDED, 'part="worker",ending="bye",answered="yes"'): "0+1x90",
            _series(_ENDED, 'part="worker",ending="failed",answered="no"'): "0+9x90",
        },
        {
            _series(_ENDED, 'part="worker",ending="bye",answered="yes"'): "0+5x90",
            _series(_ENDED, 'part="worker",ending="failed",answered="no"'): "0+5x90",
        },
        "60m",
    ),
    "TrunkwardDeviationAdded": Case(
        {_series("trunkward_node_deviations"): "2+0x70 3+0x30"},
        {_series("trunkward_node_deviations"): "2+0x100"},
        "80m",
    ),
}


#: More that an alert fires on.
ALSO = {
    # a clock was ahead when they were signed last, which is not to be taken for a moment ago
    "TrunkwardHeadsNotSigned": {
        _series("trunkward_worker_heads_signed_timestamp_seconds"): f"{300 * _DAY}+0x140"
    },
    # gates that are lost count nothing: it is the edge that refuses
    "TrunkwardRefusalsByUs": {
        _series("trunkward_edge_verdicts_total", _EDGE): "0+2x30",
        _series(_VERDICTS, f'{_GATE},verdict="admit",reason="admitted",blame="nobody"'): "0+98x30",
    },
}


def rules() -> list[dict[str, Any]]:
    """Every rule of the file."""
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Prometheus' own tool."""
    return subprocess.run(
        ["/usr/bin/promtool", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_rules_are_rules() -> None:
    said = promtool("check", "rules", str(RULES))
    assert said.returncode == 0, said.stdout + said.stderr
    assert f"{len(rules())} rules found" in said.stdout


def test_every_rule_has_a_case_and_no_other() -> None:
    assert sorted(rule["alert"] for rule in rules()) == sorted(CASES)


def _group(alert: str, series: dict[str, str], after: str, fires: bool) -> dict[str, Any]:
    return {
        "name": f"{alert} {'fires' if fires else 'keeps quiet'}",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count by (alertname) (ALERTS{{alertname="{alert}",alertstate="firing"}})',
                "eval_time": after,
                "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1}] if fires else [],
            }
        ],
    }


def test_every_rule_fires_and_keeps_quiet(tmp_path: Path) -> None:
    """Each rule with its own cases: promtool looks at every rule of a file in each minute of each case."""
    files = []
    for rule in rules():
        alert = rule["alert"]
        case = CASES[alert]
        groups = [_group(alert, case.fires, case.after, fires=True)]
        groups += [_group(alert, case.quiet, case.after, fires=False)]
        if alert in ALSO:
            groups += [_group(alert, ALSO[alert], case.after, fires=True)]
        alone, file = tmp_path / f"{alert}.rules.yaml", tmp_path / f"{alert}.yaml"
        alone.write_text(yaml.safe_dump({"groups": [{"name": alert, "rules": [rule]}]}))
        file.write_text(
            yaml.safe_dump({"rule_files": [str(alone)], "evaluation_interval": "1m", "tests": groups})
        )
        files.append(str(file))
    said = promtool("test", "rules", *files)
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.count("SUCCESS") == len(files)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_rule_says_how_bad_it_is_and_where_to_read_on(
    rule: dict[str, Any], page: Callable[[str], str]
) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert "{{ $labels.instance }}" in rule["annotations"]["summary"]
    path, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = {
        re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in page(path).splitlines()
        if line.startswith("#")
    }
    assert anchor in headings
