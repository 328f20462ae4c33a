"""Kamailio's and rtpengine's own numbers, by names as Prometheus wants them."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from trunkward.engines.part_numbers import KamailioNumbers

#: Kamailio's own name, ours, what it is.
_KAMAILIO_GAUGES = (
    ("inuse_transactions", "transactions", "Transactions in memory."),
    ("current_opened_connections", "tcp_connections", "Open TCP connections, those with TLS included."),
    ("opened_connections", "tls_connections", "Open TLS connections."),
    ("current_write_queue_size", "tcp_write_queue_bytes", "Waiting to be written to connections."),
    ("total_size", "shared_memory_size_bytes", "Shared memory there is."),
    ("real_used_size", "shared_memory_used_bytes", "Shared memory in use, its own book-keeping included."),
    ("max_used_size", "shared_memory_max_used_bytes", "The most shared memory that was ever in use."),
    ("fragments", "shared_memory_fragments", "Pieces free shared memory is in."),
)
_KAMAILIO_COUNTERS = (
    ("rcv_replies", "replies_received", "Replies received."),
    ("fwd_requests", "requests_forwarded", "Requests forwarded."),
    ("fwd_replies", "replies_forwarded", "Replies forwarded."),
    ("drop_requests", "requests_dropped", "Requests dropped."),
    ("drop_replies", "replies_dropped", "Replies dropped."),
    ("err_requests", "requests_malformed", "Requests that could not be read."),
    ("err_replies", "replies_malformed", "Replies that could not be read."),
    ("bad_msg_hdr", "headers_malformed", "Messages with a header that could not be read."),
    ("passive_open", "tcp_accepted", "Connections peers have opened."),
    ("connect_success", "tcp_connected", "Connections opened to peers."),
    ("connect_failed", "tcp_connect_failures", "Connections that could not be opened."),
    ("con_timeout", "tcp_timeouts", "Connections closed for want of traffic."),
    ("con_reset", "tcp_resets", "Connections reset by peers."),
    ("send_timeout", "tcp_send_timeouts", "Connections given up because their peer did not read."),
    ("sendq_full", "tcp_send_queue_full", "Messages not sent because their queue was full."),
    ("local_reject", "tcp_rejected", "Connections refused by the node."),
)
_METHODS = (
    *("invite", "ack", "bye", "cancel", "prack", "update", "info"),
    *("register", "subscribe", "notify", "message", "refer", "publish"),
)
_KAMAILIO_TRANSACTIONS = {"uas": "UAS_transactions", "uac": "UAC_transactions"}
_CLASSES = ("2xx", "3xx", "4xx", "5xx", "6xx")


def kamailio(numbers: KamailioNumbers | None, now: float) -> Iterator[Metric]:
    """What the edge wrote down; without it, no more than that it is not there."""
    age_s = math.inf if numbers is None else now - numbers.at
    yield gauge(
        "trunkward_kamailio_numbers_age_seconds", "Since Kamailio's numbers were written down.", age_s
    )
    if numbers is None:
        return
    counted = numbers.counted
    yield gauge("trunkward_calls_running", "Calls that were answered and go on.", numbers.calls_running)
    yield gauge("trunkward_trunks_registered", "Trunks whose PBX is registered.", numbers.trunks_registered)
    yield gauge(
        "trunkward_registrations",
        "Places trunks are registered at: PBXs, and flows of them.",
        numbers.bindings,
    )
    for theirs, ours, words in _KAMAILIO_GAUGES:
        if theirs in counted:
            yield gauge(f"trunkward_kamailio_{ours}", words, counted[theirs])
    for theirs, ours, words in _KAMAILIO_COUNTERS:
        if theirs in counted:
            yield CounterMetricFamily(f"trunkward_kamailio_{ours}", words, value=counted[theirs])
    received = CounterMetricFamily(
        "trunkward_kamailio_requests_received", "Requests received, but for OPTIONS.", labels=["method"]
    )
    for method in _METHODS:
        if f"rcv_requests_{method}" in counted:
            received.add_metric([method], counted[f"rcv_requests_{method}"])
    yield received
    made = CounterMetricFamily(
        "trunkward_kamailio_transactions_created", "Transactions made.", labels=["side"]
    )
    for side, theirs in _KAMAILIO_TRANSACTIONS.items():
        if theirs in counted:
            made.add_metric([side], counted[theirs])
    yield made
    ended = CounterMetricFamily(
        "trunkward_kamailio_transactions_completed", "Transactions by their final reply.", labels=["status"]
    )
    for status in _CLASSES:
        if f"{status}_transactions" in counted:
            ended.add_metric([status], counted[f"{status}_transactions"])
    yield ended


#: Of its `totalstatistics`.
_RTPENGINE_COUNTERS = (
    ("managedsessions", "sessions_ended", "Sessions that are over."),
    ("rejectedsessions", "sessions_rejected", "Sessions refused."),
    ("timeoutsessions", "sessions_timed_out", "Sessions ended for want of media."),
    ("silenttimeoutsessions", "sessions_silent", "Held sessions ended for want of media."),
    ("relayedpackets", "packets_relayed", "Packets relayed."),
    ("relayedpacketerrors", "packet_errors", "Packets not relayed: wrong tag, keys not known yet, not sent."),
    ("relayedbytes", "relayed_bytes", "Bytes relayed."),
    ("zerowaystreams", "streams_without_media", "Streams that carried nothing either way."),
    ("onewaystreams", "streams_one_way", "Streams that carried media one way only."),
)
#: The same of its other groups. An average is for Prometheus to make: the sum by the samples.
_RTPENGINE_QUALITY = (
    ("mos", "mos_total", "mos_sum", "Mean opinion scores, added up."),
    ("mos", "mos_samples_total", "mos_samples", "Mean opinion scores there are."),
    ("voip_metrics", "packets_lost", "packets_lost", "Packets that did not arrive, by their numbers."),
)


def rtpengine(statistics: Mapping[str, Any]) -> Iterator[Metric]:
    """What rtpengine answered over ng; {} for nothing."""
    current, total = statistics.get("currentstatistics", {}), statistics.get("totalstatistics", {})
    if "sessionstotal" in current:
        yield gauge(
            "trunkward_rtpengine_sessions",
            "Sessions there are: one a call, two a call with two hops.",
            float(current["sessionstotal"]),
        )
    for theirs, ours, words in _RTPENGINE_COUNTERS:
        if theirs in total:
            yield CounterMetricFamily(f"trunkward_rtpengine_{ours}", words, value=float(total[theirs]))
    for group, theirs, ours, words in _RTPENGINE_QUALITY:
        if theirs in (its := statistics.get(group, {})):
            yield CounterMetricFamily(f"trunkward_rtpengine_{ours}", words, value=float(its[theirs]))
    used = GaugeMetricFamily("trunkward_rtpengine_ports_used", "Media ports in use.", labels=["interface"])
    free = GaugeMetricFamily("trunkward_rtpengine_ports_free", "Media ports left.", labels=["interface"])
    for interface in statistics.get("interfaces", []):
        its = interface.get("ports", {})
        if "used" in its and "free" in its:
            used.add_metric([str(interface.get("name"))], float(its["used"]))
            free.add_metric([str(interface.get("name"))], float(its["free"]))
    yield used
    yield free


#: Of its `INFO`.
_VALKEY_GAUGES = (
    ("used_memory", "memory_used_bytes", "Memory in use."),
    ("maxmemory", "memory_limit_bytes", "Memory it may use; what needs more is refused."),
    ("connected_clients", "connections", "Connections there are."),
    ("aof_current_size", "file_bytes", "Its append-only file, until it is written anew."),
)
_VALKEY_COUNTERS = (
    ("total_commands_processed", "commands", "Commands done, those inside functions included."),
    ("acl_access_denied_cmd", "commands_denied", "Commands refused to whoever may not give them."),
)


def valkey(information: Mapping[str, str]) -> Iterator[Metric]:
    """What Valkey says of itself; {} for nothing."""
    for theirs, ours, words in _VALKEY_GAUGES:
        if theirs in information:
            yield gauge(f"trunkward_valkey_{ours}", words, float(information[theirs]))
    for theirs, ours, words in _VALKEY_COUNTERS:
        if theirs in information:
            yield CounterMetricFamily(f"trunkward_valkey_{ours}", words, value=float(information[theirs]))


def gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    """One value that goes up and down."""
    return GaugeMetricFamily(name, words, value=value)
