"""Decks as they are kept, and what an act does to them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDeck:
    """One state of one deck."""

    #: The version that made it.
    version: int
    name: str
    #: ISO 4217.
    currency: str
    #: Of its text (`spend.deck.written`).
    sha256: str
    #: How many rates it has, past and future ones among them.
    rates: int
    #: Of the file it was made of.
    file_sha256: str
    #: The version that took its place, or dropped the deck; 0: none, it is in force.
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckChange:
    """What one act does."""

    #: `import`, `correct`, `restore` or `drop`.
    act: str
    name: str
    #: Its `version` is the act's.
    added: KeptDeck | None = None
    #: zlib over the text; empty: nothing is added.
    packed: bytes = b""
    #: In words, what it does to prices, and what of it looked like a slip and was meant.
    effect: str = ""
    doubts: tuple[str, ...] = ()
    #: The version whose state of the deck is in force again; 0: none.
    restored: int = 0
    #: Of `correct`: from when on, in seconds since the epoch.
    since: int | None = None
    #: The version whose state of the deck ends; 0: there is none.
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerating:
    """Calls of a time that are rated once more, because a deck was wrong; amounts in micro-units."""

    deck: str
    #: Of the deck's text as it is now.
    sha256: str
    #: Seconds since the epoch; `until` not in it.
    since: float
    until: float
    #: How many calls get another price or cost.
    calls: int
    sold_before: int
    sold_after: int
    cost_before: int
    cost_after: int
    why: str
