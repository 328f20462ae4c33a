"""What the signers' journals here have of what was asked, and for which of it no call is on record.

An answer by records alone would miss a call that somebody who may write to their database has taken out, or
given other numbers: the signer's line has both, and nobody but the signer may write to it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa

from trunkward.cli.said import in_words
from trunkward.cli.unrecorded import WHY, shipped_until
from trunkward.cli.why import proof_of
from trunkward.control.signer_line import canonical, numbers_of
from trunkward.control.traceback import MOST_CALLS, Question
from trunkward.control.traceback_lines import Lines, Proof, Unrecorded
from trunkward.engines.journals import KeyUnusable, signers_journals
from trunkward.engines.signed_lines import NamedLine, signed_between, with_values
from trunkward.journal.witness import APART_S
from trunkward.settings import Paths
from trunkward.store.records import RecordStore
from trunkward.store.signed import Standing, standing
from trunkward.trunks.model import Declared
from trunkward.trunks.retention import DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A line that fits what was asked."""

    line: NamedLine
    #: Seconds since the epoch.
    at: float
    record_id: str
    tenant: str
    caller: str
    called: str


@dataclass(slots=True, kw_only=True)
class Searched:
    """What the journals have."""

    about: list[About] = field(default_factory=list)
    numberless: int = 0
    problems: list[str] = field(default_factory=list)

    def line_of(self, record_id: str, named: NamedLine | None) -> NamedLine | None:
        """The line of a call: the one its record names, unless only others are about it."""
        its = [one.line for one in self.about if one.record_id == record_id]
        return named if named in its or not its else its[-1]


def searched(paths: Paths, question: Question) -> Searched:
    """Every line of the time that was asked about, and a little more, of all identities.

    Read one after the other, from the segment on that has the first.
    """
    found = Searched()
    since, until = question.since - APART_S, question.until + APART_S
    for identity, journal in signers_journals(paths).items():
        try:
            for line, values in with_values(journal, signed_between(journal, since, until)):
                if values is None:
                    found.numberless += question.since <= line.at < question.until
                    continue
                caller, called = numbers_of(values)
                if question.is_about(caller, called):
                    found.about.append(
                        About(
                            line=NamedLine(identity, line.seq),
                            at=line.at,
                            record_id=line.record_id,
                            tenant=line.tenant,
                            caller=caller,
                            called=called,
                        )
                    )
        except OSError as problem:
            found.problems.append(f"{identity}: {in_words(problem)}")
    return found


def lines_of(
    paths: Paths,
    engine: sa.Engine,
    declared: Declared,
    question: Question,
    found: Searched,
    told: Sequence[str],
) -> Lines:
    """The same for an answer. `told`: record ids of calls that are told of by their records."""
    of_time = [one for one in found.about if question.since <= one.at < question.until]
    left = defaultdict[str, list[About]](list)
    for one in of_time:
        left[one.record_id].append(one)
    for record_id in told:
        left.pop(record_id, None)
    without = list(_unrecorded(paths, engine, declared, question, [each[-1] for each in left.values()]))
    return Lines(
        about=len(of_time),
        numberless=found.numberless,
        problem="; ".join(found.problems),
        unrecorded=[
            Unrecorded(
                record_id=one.record_id,
                at=one.at,
                record=why,
                proof=proof(paths, one.record_id, one.line, one.at),
            )
            for one, why in without[:MOST_CALLS]
        ],
        more=len(without) > MOST_CALLS,
    )


def _unrecorded(
    paths: Paths, engine: sa.Engine, declared: Declared, question: Question, lines: Sequence[About]
) -> Iterator[tuple[About, str]]:
    """Each of these without a call on record that says the same, with what there is in its place."""
    there = standing(engine, [one.record_id for one in lines])
    # of a database that is a file nobody else has one
    place = declared.node.ledger_name if paths.database else ""
    shipped = shipped_until(paths, RecordStore(engine, place)) if lines else 0.0
    now = question.searched_at
    for one in lines:
        days = declared.retention.days(one.tenant)
        if (record := there.get(one.record_id)) is not None:
            if not _is_its(record, one):
                yield one, "the call on record has other numbers, or another time: changed"
        elif one.at >= shipped:
            yield one, "on its way to the database"
        elif one.at < now - days * DAY_S:
            yield one, f"its time is over: calls of {one.tenant} are kept {days} days"
        else:
            yield one, f"none is there: it was kept for less time before, {WHY}"


def _is_its(record: Standing, line: About) -> bool:
    """Whether it is found by the same numbers and time: then it is told of, or one of too many."""
    numbers = canonical(record.calling_number), canonical(record.called_number)
    return numbers == (line.caller, line.called) and abs(record.at - line.at) <= APART_S


def proof_for(question: Question, view: Mapping[str, Any], its: Proof) -> Proof:
    """The same for who asked: no line of a call whose record others have given the numbers asked about."""
    numbers = numbers_of({name: value for name, (_, value) in its.values.items()})
    recorded = canonical(view["calling_number"]), canonical(view["called_number"])
    if not any(numbers) or numbers == recorded or question.is_about(*numbers):
        return its
    why = "that line is about other numbers, and is not handed out: the record was changed"
    return Proof(journal=its.journal, line=its.line, problem=why)


def proof(paths: Paths, record_id: str, line: NamedLine, at: float) -> Proof:
    """The signer's line about a call of a time in seconds since the epoch; of another one's nothing is told.

    Which line it is a database says that others may write to, or that other nodes share: their lines have the
    same numbers.
    """
    journal, number = line
    try:
        found, values = proof_of(paths, line, at)
    except (OSError, KeyUnusable, msgspec.MsgspecError) as problem:
        return Proof(journal=journal, line=number, problem=str(problem))
    if found.facts.get("record_id") != record_id:
        why = found.broken if not found.text else "that line is about another call, and is not handed out"
        return Proof(journal=journal, line=number, problem=why)
    return Proof(
        journal=journal, line=number, text=found.text, head=found.head, values=values, problem=found.broken
    )
