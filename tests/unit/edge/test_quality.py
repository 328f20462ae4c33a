"""What rtpengine's answer to a delete says of a leg (field names and units: rtpengine mr12.5.1.31)."""

from typing import Any

import msgspec
import pytest

from trunkward.calls.outcome import LegFacts
from trunkward.edge.quality import leg_facts

AVERAGE = {
    "MOS": 43,
    "round-trip time": 41_200,
    "round-trip time leg": 12_345,
    "jitter": 2,
    "packet loss": 1,
    "samples": 3,
}
REPORTER = {
    "cumulative loss": 7,
    "average MOS": AVERAGE,
    "lowest MOS": {"MOS": 39},
    "highest MOS": {"MOS": 44},
}
#: The same SSRC reports on the caller's leg; 2222 stands on no leg.
ENDED: dict[str, Any] = {
    "result": "ok",
    "SSRC": {"1111": REPORTER, "2222": REPORTER},
    "tags": {
        "a": {
            "medias": [
                {
                    "index": 1, "type": "audio", "protocol": "RTP/SAVP", "codec": "PCMA/8000",
                    "flags": ["initialized", "send", "recv", "SDES"],
                    "streams": [
                        {
                            "crypto suite": "AEAD_AES_256_GCM",
                            "stats": {"packets": 500, "bytes": 86_000, "errors": 2},
                            "stats_out": {"packets": 499, "bytes": 85_828, "errors": 0},
                            "ingress SSRCs": [{"SSRC": 1111, "packets": 498}],
                        },
                        {"stats": {"packets": 3, "bytes": 300, "errors": 0}},
                    ],
                }
            ]
        },
        "b": {"medias": [{"protocol": "RTP/AVP", "flags": [], "streams": [{"ingress SSRCs": [{"SSRC": 3333}]}]}]},
    },
}  # fmt: skip


def test_all_that_is_known() -> None:
    assert leg_facts(ENDED, "a", "caller") == {
        "side": "caller", "protocol": "RTP/SAVP", "codec": "PCMA/8000", "srtp_suite": "AEAD_AES_256_GCM",
        "key_source": "sdes", "packets_in": 500, "packets_out": 499, "errors_in": 2, "reports": 3, "mos": 4.3,
        "mos_lowest": 3.9, "jitter_ms": 2.0, "loss_percent": 1.0, "lost_packets": 7, "round_trip_ms": 12.3,
        "round_trip_total_ms": 41.2,
    }  # fmt: skip


def test_what_is_not_known_is_absent_and_never_zero() -> None:
    assert leg_facts(ENDED, "b", "callee") == {
        "side": "callee", "protocol": "RTP/AVP", "srtp_suite": "", "key_source": "none",
    }  # fmt: skip
    nothings: list[dict[str, Any]] = [
        {},
        {"tags": {}},
        {"tags": {"b": {"medias": []}}},
        {"tags": {"b": {"medias": [{"streams": []}]}}},
    ]
    for nothing in nothings:
        assert "packets_in" not in leg_facts(nothing, "b", "callee")


def _with(**changed: Any) -> dict[str, Any]:
    return ENDED | {"SSRC": {"1111": REPORTER | changed}}


def test_a_round_trip_of_zero_is_one_nobody_could_compute() -> None:
    facts = leg_facts(_with(**{"average MOS": AVERAGE | {"round-trip time leg": 0}}), "a", "caller")
    assert "round_trip_ms" not in facts
    assert facts["jitter_ms"] == 2.0


def test_no_reports_no_quality() -> None:
    for average in (AVERAGE | {"MOS": 0}, AVERAGE | {"samples": 0}, {}):
        facts = leg_facts(_with(**{"average MOS": average}), "a", "caller")
        assert not {"mos", "jitter_ms", "loss_percent", "reports", "lost_packets"} & set(facts)


@pytest.mark.parametrize(("counted", "lost"), [(0, 0), ((1 << 23) - 1, (1 << 23) - 1), ((1 << 24) - 4, 0)])
def test_more_came_than_was_sent(counted: int, lost: int) -> None:
    assert leg_facts(_with(**{"cumulative loss": counted}), "a", "caller")["lost_packets"] == lost


def test_reporters_of_one_leg_count_by_their_reports() -> None:
    ended = _with() | {"tags": {"a": {"medias": [dict(ENDED["tags"]["a"]["medias"][0])]}}}
    stream = dict(ended["tags"]["a"]["medias"][0]["streams"][0])
    stream["ingress SSRCs"] = [{"SSRC": 1111}, {"SSRC": 4444}]
    ended["tags"]["a"]["medias"][0]["streams"] = [stream]
    ended["SSRC"] = {
        "1111": REPORTER,
        "4444": REPORTER | {"average MOS": AVERAGE | {"MOS": 23, "samples": 1}, "lowest MOS": {"MOS": 20}},
    }
    facts = leg_facts(ended, "a", "caller")
    assert (facts["reports"], facts["mos"], facts["mos_lowest"], facts["lost_packets"]) == (4, 3.8, 2.0, 14)


def test_the_record_takes_it_as_it_is() -> None:
    facts = leg_facts(ENDED, "a", "caller")
    assert msgspec.to_builtins(msgspec.convert(facts, LegFacts)) == facts
