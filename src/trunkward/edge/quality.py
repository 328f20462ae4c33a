"""What rtpengine tells of one leg when its call is deleted: negotiated, counted, and reported by RTCP.

From rtpengine 12.5 (`daemon/call_interfaces.c`, `ng_stats_*`; `daemon/ssrc.c`, `mos_calc` and
`ssrc_receiver_report`). `SSRC` at the top holds, by the SSRC that *reported*, averages of what its RTCP
receiver reports said: MOS times 10, jitter in ms, loss in percent, round trips in microseconds. It has only
who reported at least once with a round trip known over both legs (MOS for conversation needs one). So what
stands on a leg is what its peer heard; that peer's SSRCs are those of its stream's `ingress SSRCs`. What is 0
there for "not known" is left out here.
"""

from typing import Any


def leg_facts(ended: dict[str, Any], tag: str, side: str) -> dict[str, Any]:
    """The facts of the leg with this tag (`trunkward.calls.outcome.LegFacts`)."""
    facts: dict[str, Any] = {"side": side}
    for media in ended.get("tags", {}).get(tag, {}).get("medias", [])[:1]:
        if protocol := media.get("protocol"):
            facts["protocol"] = protocol
        if codec := media.get("codec"):
            facts["codec"] = codec
        stream = (media.get("streams") or [{}])[0]
        facts["srtp_suite"] = stream.get("crypto suite", "")
        keyed = "dtls-srtp" if "DTLS-SRTP" in media.get("flags", []) else "sdes"
        facts["key_source"] = keyed if facts["srtp_suite"] else "none"
        for name, part, count in (
            ("packets_in", "stats", "packets"),
            ("errors_in", "stats", "errors"),
            ("packets_out", "stats_out", "packets"),
        ):
            if count in (counted := stream.get(part) or {}):
                facts[name] = int(counted[count])
        facts |= _reported(ended.get("SSRC") or {}, stream.get("ingress SSRCs") or [])
    return facts


def _reported(reporters: dict[str, Any], sources: list[dict[str, Any]]) -> dict[str, Any]:
    """Averages over the reporters of one leg, each by its number of reports; {} when none has reported."""
    found = [reporters[name] for name in (str(source.get("SSRC")) for source in sources) if name in reporters]
    averages = [entry["average MOS"] for entry in found if entry.get("average MOS", {}).get("MOS")]
    reports = sum(average["samples"] for average in averages)
    if not reports:
        return {}

    def mean(name: str, scale: float = 1, digits: int = 1) -> float:
        total = sum(average[name] * average["samples"] for average in averages)
        return float(round(total / reports / scale, digits))

    facts: dict[str, Any] = {
        "reports": reports,
        "mos": mean("MOS", 10, 1),
        "jitter_ms": mean("jitter", 1, 1),
        "loss_percent": mean("packet loss", 1, 1),
        "lost_packets": sum(_lost(entry) for entry in found),
    }
    if lowest := min(
        (worst for entry in found if (worst := entry.get("lowest MOS", {}).get("MOS"))), default=0
    ):
        facts["mos_lowest"] = lowest / 10
    # microseconds; 0 is a round trip nobody could compute
    if leg := mean("round-trip time leg", 1000, 1):
        facts["round_trip_ms"] = leg
    if total := mean("round-trip time", 1000, 1):
        facts["round_trip_total_ms"] = total
    return facts


def _lost(entry: dict[str, Any]) -> int:
    """RFC 3550 6.4.1: 24 bits with a sign, which rtpengine leaves off; below zero more came than was sent."""
    count = int(entry.get("cumulative loss", 0))
    return 0 if count >= 1 << 23 else count
