"""Segments: complete lines only, a bad line costs itself."""

from trunkward.records.model import DecisionRecord, Event, EventRecord, MessageRecord
from trunkward.records.segment import SegmentCorrupt, decode, encode


def _record(name: str) -> DecisionRecord:
    return DecisionRecord(
        record_id=name, at=1.0, attempt_id=name, call_id="c\n\u2028é", verdict="admit", reason="admitted"
    )


def test_what_is_written_is_read() -> None:
    data = encode(_record("a")) + encode(_record("b"))
    assert data.count(b"\n") == 2
    assert [record for record, _ in decode(data, 0)] == [_record("a"), _record("b")]


def test_offsets_count_from_the_segments_start() -> None:
    line = encode(_record("a"))
    assert [after for _, after in decode(line + line, 100)] == [100 + len(line), 100 + 2 * len(line)]


def test_a_line_without_an_end_waits() -> None:
    line = encode(_record("a"))
    for cut in range(len(line)):
        assert list(decode(line[:cut], 0)) == []


def test_a_bad_line_is_told_and_costs_itself() -> None:
    good = encode(_record("a"))
    found = list(decode(good + b"\xff\xfe{\n" + b'{"kind":"song"}\n' + good, 0))
    assert [type(record) for record, _ in found] == [
        DecisionRecord, SegmentCorrupt, SegmentCorrupt, DecisionRecord,
    ]  # fmt: skip
    assert isinstance(found[1][0], SegmentCorrupt)
    assert found[1][0].offset == len(good)


def test_messages_are_lines_of_their_own_kind() -> None:
    message = MessageRecord(record_id="a", at=1.5, side="caller", way="in", what="INVITE", media="sdp")
    data = encode(message) + encode(_record("b"))
    assert data.startswith(b'["a",1.5,"caller","in","INVITE"')
    assert [record for record, _ in decode(data, 0)] == [message, _record("b")]
    short = b'["a",1.5,"caller","in","BYE"]\n'
    assert [type(record) for record, _ in decode(short + b'["a",1.5]\n[]\n', 0)] == [
        MessageRecord, SegmentCorrupt, SegmentCorrupt,
    ]  # fmt: skip


def test_events_are_read_as_they_were_written() -> None:
    event = EventRecord(
        event_id="e", at=2.0, since=1.0, event=Event.STRANGERS_REFUSED, claimed={"acme-hq": 2}
    )
    assert [record for record, _ in decode(encode(event) + encode(_record("b")), 0)] == [event, _record("b")]
