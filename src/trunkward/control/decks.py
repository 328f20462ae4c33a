"""Decks of rates: taken in, compared, dropped; each act is a version of the configuration."""

import difflib
import re
import zlib
from collections.abc import Iterable, Set
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from trunkward.spend.deck import (
    Change,
    Deck,
    Difference,
    Rate,
    changed,
    changes,
    difference,
    read_written,
    written,
)
from trunkward.spend.doubts import doubts
from trunkward.spend.kept import DeckChange, KeptDeck
from trunkward.spend.money import shown_nano
from trunkward.trunks.model import Declared

#: As names of trunks and carriers.
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
#: Changes that are named one by one; of more the number is told.
_NAMED = 20


class DeckActRefused(Exception):
    """A deck that is not taken in, or not dropped; the message says why, and what to do."""


def in_force(kept: Iterable[KeptDeck]) -> dict[str, KeptDeck]:
    """By name, of all states there ever were those that hold."""
    return {one.name: one for one in kept if not one.ended}


def imported(
    name: str,
    before: tuple[KeptDeck, Deck] | None,
    said: Deck,
    file: bytes,
    now: int,
    *,
    whole: bool,
    even_so: bool,
    assumed: Set[str] = frozenset(),
) -> tuple[DeckChange, Difference]:
    """A new state of a deck, and what it does to prices today. Raises `DeckActRefused`.

    `before` is what is in force of that name, `said` what `file` says; `now` in seconds since the epoch.
    `whole`: a prefix that is not in the file has no rate any more. `even_so`: also what looks like a slip
    (`spend.doubts`) is taken in; the change says what. `assumed`: prefixes whose increments nobody has said.
    """
    was, after = _changed(name, before, said, now, whole=whole)
    doubtful = doubts(was, after, now, assumed)
    if doubtful and not even_so:
        raise DeckActRefused(f"that looks like a slip: {'; '.join(doubtful)}. If it is meant: --even-so")
    change, told = _state("import", name, before, after, sha256(file).hexdigest(), now)
    return replace(change, doubts=tuple(doubtful)), told


def corrected(
    name: str,
    before: tuple[KeptDeck, Deck] | None,
    said: Deck,
    file: bytes,
    since: int,
    now: int,
    *,
    whole: bool,
    even_so: bool,
    assumed: Set[str] = frozenset(),
) -> tuple[DeckChange, Difference]:
    """A deck as it is now said to have been since then, in seconds since the epoch. Raises `DeckActRefused`.

    It rates new calls at once. Those of before keep their price until they are rated again.
    """
    if before is None:
        raise DeckActRefused(f"there is no deck {name}; ./trunkward deck list shows those there are")
    if since > now:
        raise DeckActRefused("a correction is of the past; what is still to come is for deck import")
    change, _ = imported(name, before, said, file, since, whole=whole, even_so=even_so, assumed=assumed)
    after = read_written(zlib.decompress(change.packed).decode())
    told = difference(before[1], after, now)
    return replace(change, act="correct", effect=in_short(told, after, now), since=since), told


def restored(
    name: str, before: tuple[KeptDeck, Deck] | None, state: tuple[KeptDeck, Deck], now: int
) -> tuple[DeckChange, Difference]:
    """A deck that says from `now` on what an earlier state of it says. Raises `DeckActRefused`.

    What was in force meanwhile stays written down: calls were rated by it.
    """
    kept, deck = state
    _, after = _changed(name, before, deck, now, whole=True)
    change, told = _state("restore", name, before, after, kept.file_sha256, now)
    return replace(change, restored=kept.version), told


def state_of(name: str, version: int, kept: Iterable[KeptDeck]) -> KeptDeck:
    """The newest state of a deck as of a version, also of one that was dropped. Raises `DeckActRefused`."""
    states = {one.version: one for one in kept if one.name == name}
    newest = max((number for number in states if number <= version), default=None)
    if newest is None:
        there = ", ".join(map(str, sorted(states, reverse=True))) or "none"
        raise DeckActRefused(
            f"as of version {version} there was no deck {name} yet; versions that have taken one in: {there}"
        )
    return states[newest]


def _changed(
    name: str, before: tuple[KeptDeck, Deck] | None, said: Deck, now: int, *, whole: bool
) -> tuple[Deck, Deck]:
    """The deck before and after. Raises `DeckActRefused`, also when that is the same."""
    was, after = would_be(name, before, said, now, whole=whole)
    if before is not None and after == was:
        raise DeckActRefused(f"deck {name} says all of that already")
    return was, after


def would_be(
    name: str, before: tuple[KeptDeck, Deck] | None, said: Deck, now: int, *, whole: bool
) -> tuple[Deck, Deck]:
    """A deck before and after a file; without rates where there was none. Raises `DeckActRefused`."""
    if not NAME.fullmatch(name):
        raise DeckActRefused(f"{name!r} is no name: letters a to z, digits and hyphens, at most 63")
    was = before[1] if before else Deck(currency=said.currency, rates=())
    if was.currency != said.currency and was.rates:
        raise DeckActRefused(
            f"deck {name} is in {was.currency}, and the file in {said.currency}: a deck keeps its currency; "
            "take the file in under another name"
        )
    return was, changed(was, said, now, whole=whole)


def _state(
    act: str, name: str, before: tuple[KeptDeck, Deck] | None, after: Deck, file_sha256: str, now: int
) -> tuple[DeckChange, Difference]:
    text = written(after).encode()
    told = difference(before[1] if before else Deck(currency=after.currency, rates=()), after, now)
    added = KeptDeck(
        version=0,  # that of the act
        name=name,
        currency=after.currency,
        sha256=sha256(text).hexdigest(),
        rates=len(after.rates),
        file_sha256=file_sha256,
    )
    change = DeckChange(
        act=act,
        name=name,
        added=added,
        packed=zlib.compress(text, 3),
        effect=in_short(told, after, now),
        ended=before[0].version if before else 0,
    )
    return change, told


def dropped(name: str, kept: Iterable[KeptDeck], declared: Declared) -> DeckChange:
    """The end of a deck nobody is rated by. Raises `DeckActRefused`."""
    held = in_force(kept).get(name)
    if held is None:
        raise DeckActRefused(f"there is no deck {name}; ./trunkward deck list shows those there are")
    users = users_of(declared).get(name, [])
    if users:
        raise DeckActRefused(f"deck {name} is what {', '.join(users)} are rated by: give them another first")
    return DeckChange(act="drop", name=name, ended=held.version)


def users_of(declared: Declared) -> dict[str, list[str]]:
    """By the name of a deck, who is rated by it: `carrier north`, `tenant acme`, `reseller bolt`."""
    found: dict[str, list[str]] = {}
    for kind, decks in (
        ("carrier", {carrier.name: carrier.deck for carrier in declared.carriers}),
        ("reseller", declared.reseller_decks),
        ("tenant", declared.tenant_decks),
    ):
        for name, deck in decks.items():
            if deck:
                found.setdefault(deck, []).append(f"{kind} {name}")
    return found


def unused(name: str, declared: Declared, kept: Iterable[KeptDeck]) -> list[str]:
    """A sentence when nobody is rated by a deck of that name, which a typo may have made; else none."""
    users = users_of(declared)
    if name in users:
        return []
    told = f"nobody is rated by deck {name}: a carrier, a tenant or a reseller has to name it (deck: {name})"
    others = sorted({*in_force(kept), *users} - {name})
    # one that has been there already was meant
    near = [] if name in in_force(kept) else difflib.get_close_matches(name, others, n=1)
    for other in near:
        told += f". Was {other} meant? Then ./trunkward deck drop {name}, and import the file as {other}"
    return [told]


def rated_by(declared: Declared, kept: Iterable[KeptDeck]) -> dict[str, str]:
    """By name, the SHA-256 of each deck that rates somebody: those there are, in the node's currency."""
    held = in_force(kept)
    return {
        name: held[name].sha256
        for name in sorted(users_of(declared))
        if name in held and held[name].currency == declared.node.currency
    }


def wanting(declared: Declared, kept: Iterable[KeptDeck]) -> list[str]:
    """Sentences about decks that are named and not there, or in another currency than the node counts in."""
    held = in_force(kept)
    told = []
    for name, users in sorted(users_of(declared).items()):
        whose = " and ".join(users)
        if name not in held:
            missing = f"there is no deck {name}, by which {whose} would be rated"
            told.append(f"{missing}: no call out goes by it before ./trunkward deck import {name} FILE")
        elif held[name].currency != declared.node.currency:
            told.append(
                f"deck {name} is in {held[name].currency}, and this node counts in {declared.node.currency}: "
                f"no call out goes by {whose}"
            )
    return told


def unpacked(kept: KeptDeck, packed: bytes) -> Deck:
    """A deck as it was kept. Raises `ValueError` when it is not what it was."""
    return read_written(_text(kept, packed))


def prefixes_in(kept: KeptDeck, packed: bytes, at: float) -> int:
    """How many prefixes a kept deck has a rate for, at this time or later. Raises `ValueError` as `unpacked`.

    It takes the text apart no further than that: a list counts many large decks.
    """
    found = set()
    for line in _text(kept, packed).removesuffix("\n").split("\n")[1:]:
        prefix, _, _, until, _ = line.split("\t", 4)
        if not until or int(until) > at:
            found.add(prefix)
    return len(found)


def _text(kept: KeptDeck, packed: bytes) -> str:
    try:
        text = zlib.decompress(packed)
    except zlib.error:
        text = b""
    if sha256(text).hexdigest() != kept.sha256:
        raise ValueError(f"deck {kept.name} of version {kept.version} is damaged")
    return text.decode()


def in_short(told: Difference, after: Deck, now: int) -> str:
    """What a change does to prices, in one line."""
    later = sum(rate.since > now for rate in after.rates)
    parts = [
        f"{len(rates):,} {word}"
        for rates, word in (
            (told.new, "new"),
            (told.gone, "gone"),
            (told.dearer, "dearer"),
            (told.cheaper, "cheaper"),
            (told.otherwise, "with other increments or fees"),
        )
        if rates
    ]
    if later:
        parts.append(f"{later:,} that begin later")
    return ", ".join(parts) or "nothing changes today"


def in_lines(told: Difference) -> list[str]:
    """The largest changes, one a line."""
    lines = []
    for pairs in (told.dearer, told.cheaper, told.otherwise):
        word = _word(*pairs[0]) if pairs else ""
        lines += [_line(was, now) for was, now in pairs[:_NAMED]]
        if len(pairs) > _NAMED:
            lines.append(f"{word}: {len(pairs) - _NAMED:,} more")
    for word, rates in (("new", told.new), ("gone", told.gone)):
        lines += [_line(*((None, rate) if word == "new" else (rate, None))) for rate in rates[:_NAMED]]
        if len(rates) > _NAMED:
            lines.append(f"{word}: {len(rates) - _NAMED:,} more")
    return lines


def all_lines(was: Deck, after: Deck, now: int) -> list[str]:
    """Every change with the moment from which it holds, one a line, those of a kind together."""
    found = sorted(changes(was, after, now), key=_place)
    lines = [f"{_line(one.was, one.now)}, from {_from(one, now)}" for one in found]
    touched = {rate.prefix for one in found for rate in (one.was, one.now) if rate}
    lasting = [
        {rate.prefix for rate in source.rates if rate.until is None or rate.until > now}
        for source in (was, after)
    ]
    return [*lines, f"the same: {len((lasting[0] & lasting[1]) - touched):,}"]


def _place(one: Change) -> tuple[int, int]:
    """By kind, and the largest change of a price first."""
    by = abs(one.now.tariff.rate_nano - one.was.tariff.rate_nano) if one.now and one.was else 0
    return _KINDS.index(_word(one.was, one.now)), -by


def _from(one: Change, now: int) -> str:
    return "now" if one.at <= now else f"{datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M} UTC"


def _utc(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


_OTHERWISE = "increments or fee"
#: In the order in which they are told.
_KINDS = ("dearer", "cheaper", _OTHERWISE, "new", "gone", "renamed")


def _word(was: Rate | None, now: Rate | None) -> str:
    if was is None or now is None:
        return "new" if was is None else "gone"
    if was.tariff.rate_nano != now.tariff.rate_nano:
        return "dearer" if was.tariff.rate_nano < now.tariff.rate_nano else "cheaper"
    return _OTHERWISE if was.tariff != now.tariff else "renamed"


def _line(was: Rate | None, now: Rate | None) -> str:
    """What changes of one prefix; of increments, fee and name what is another, and of a new one all."""
    one = now or was
    if one is None:
        return ""
    new, increments = one.tariff, f"{one.tariff.first_s}/{one.tariff.next_s}"
    parts = [shown_nano(new.rate_nano)]
    if was is None:
        parts += [increments, f"fee {shown_nano(new.connect_nano)}"]
    elif now is not None:
        old = was.tariff
        if old.rate_nano != new.rate_nano:
            by = (
                f"{(new.rate_nano - old.rate_nano) * 100 / old.rate_nano:+.1f} %"
                if old.rate_nano
                else "was free"
            )
            parts = [f"{shown_nano(old.rate_nano)} -> {shown_nano(new.rate_nano)} ({by})"]
        if (old.first_s, old.next_s) != (new.first_s, new.next_s):
            parts.append(f"increments {old.first_s}/{old.next_s} -> {increments}")
        if old.connect_nano != new.connect_nano:
            parts.append(f"fee {shown_nano(old.connect_nano)} -> {shown_nano(new.connect_nano)}")
        if _word(was, now) == "renamed":
            parts.append(f"was {was.name!r}")
    return f"{_word(was, now)}: {f'{one.prefix} {one.name}'.rstrip()}: {', '.join(parts)}"


def said(change: DeckChange) -> str:
    """One line for the history."""
    if change.act == "drop":
        return f"deck {change.name} dropped"
    word = "taken in"
    if change.act == "restore":
        word = f"again as of version {change.restored}"
    elif change.since is not None:
        word = f"corrected since {_utc(change.since)}"
    return f"deck {change.name} {word}: {change.effect}"


def journaled(change: DeckChange, number: int) -> dict[str, object]:
    """What the journal says of an act besides its version."""
    added = change.added
    return {
        "act": change.act,
        "deck": change.name,
        "added": number if added else None,
        "sha256": added.sha256 if added else None,
        "file_sha256": added.file_sha256 if added else None,
        "currency": added.currency if added else None,
        "rates": added.rates if added else None,
        "effect": change.effect,
        "even_so": list(change.doubts),
        "restored": change.restored or None,
        "since": None if change.since is None else _utc(change.since),
        "ended": change.ended or None,
    }
