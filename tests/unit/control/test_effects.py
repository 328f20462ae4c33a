"""What is said of a change's effects: no line contradicts another, and a person is asked about what costs something."""

from trunkward.control.effects import Effects


def test_that_nobody_notices_is_said_only_where_nobody_does() -> None:
    alone = Effects(reload=True)
    assert alone.lines() == ["gates and edge take it while they run: running calls notice nothing"]
    assert alone.asked_about() == []
    with_more = Effects(reload=True, restart=("rtpengine",), stop=("gate-1",), start=("acme",))
    assert with_more.lines() == [
        "restarts rtpengine: running calls lose their media",
        "stops gate-1",
        "starts acme",
        "gates and edge take the rest while they run",
    ]
    assert with_more.asked_about() == with_more.lines()[:2]
    assert Effects().lines() == ["nothing that runs is touched"]
