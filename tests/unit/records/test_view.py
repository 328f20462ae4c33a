"""One flat record of a call, whatever is known of it."""

from trunkward.records.view import call_view
from unit.records.samples import DECISION, OUTCOME


def test_a_whole_call() -> None:
    view = call_view(DECISION, OUTCOME)
    assert (view["started_at"], view["ring_s"], view["duration_s"]) == (100.0, 2.5, 6.5)
    assert (view["carrier"], view["peer"], view["end_code"], view["attest"]) == ("north", "north", 200, "A")
    assert view["tried"] == [{"peer": "south", "status": 503}]
    assert [leg["peer"] for leg in view["legs"]] == ["acme-hq", "north"]
    assert not {"kind", "at"} & set(view)


def test_an_inbound_calls_carrier_is_where_it_came_from() -> None:
    view = call_view(
        DECISION | {"direction": "inbound", "source_name": "north"}, OUTCOME | {"peer": "acme-hq"}
    )
    assert (view["carrier"], view["peer"]) == ("north", "acme-hq")


def test_what_did_not_happen_is_none_and_never_zero() -> None:
    names = (
        "ringing_at",
        "answered_at",
        "ended_at",
        "ring_s",
        "duration_s",
        "ending",
        "end_code",
        "ended_by",
        "peer",
    )
    running = call_view(DECISION, None)
    assert {name: running[name] for name in names} == dict.fromkeys(names)
    assert (running["legs"], running["tried"]) == ([], [])
    unanswered = call_view(DECISION, {k: v for k, v in OUTCOME.items() if k != "answered_at"})
    assert (unanswered["duration_s"], unanswered["ring_s"]) == (None, 9.0)


def test_an_outcome_alone_has_every_name_of_a_whole_call() -> None:
    alone, whole = call_view(None, OUTCOME), call_view(DECISION, OUTCOME)
    assert set(whole) <= set(alone)
    assert (alone["record_id"], alone["call_id"], alone["started_at"], alone["verdict"]) == (
        "ab",
        "c",
        101.0,
        "",
    )


def test_a_clock_that_was_set_back_gives_no_time_below_zero() -> None:
    assert call_view(DECISION, OUTCOME | {"ended_at": 99.0})["duration_s"] == 0.0
