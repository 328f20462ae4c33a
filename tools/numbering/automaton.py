"""Number patterns as one automaton over digits: which of them a number can still become.

The patterns of `phonenumbers` use a small part of regular expressions: digits, sets of digits, groups,
alternatives and repetitions. Anything else in one is an error here, not a guess.
"""

from collections.abc import Iterable
from functools import cache
from re import _constants as words  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

DIGITS = "0123456789"


class Automaton:
    """Patterns side by side, each under a tag; a state is a set of nodes, as the bits of one int."""

    def __init__(self) -> None:
        self._next: list[dict[str, int]] = []  # node -> digit -> nodes
        self._empty: list[int] = []  # node -> nodes reached without a digit
        self._accepts: list[tuple[int, str]] = []  # (node, tag)
        self._first = self._node()
        self.step = cache(self._step)
        self.tags = cache(self._tags)

    def add(self, tag: str, pattern: str, *, whole: bool = True) -> None:
        """A pattern that must match the whole number, or its beginning. Raises `ValueError`."""
        end = self._sequence(parser.parse(pattern), self._first)
        if not whole:
            end = self._repeat_any(end)
        self._accepts.append((end, tag))

    @property
    def start(self) -> int:
        """The state before any digit."""
        return self._closure(1 << self._first)

    def _step(self, state: int, digit: str) -> int:
        """The state after one more digit; 0: no pattern goes that way."""
        reached = 0
        for node in _bits(state):
            reached |= self._next[node].get(digit, 0)
        return self._closure(reached)

    def _tags(self, state: int) -> frozenset[str]:
        """Tags of the patterns that end here."""
        return frozenset(tag for node, tag in self._accepts if state >> node & 1)

    def _node(self) -> int:
        self._next.append({})
        self._empty.append(0)
        return len(self._next) - 1

    def _closure(self, state: int) -> int:
        todo = state
        while todo:
            reached = 0
            for node in _bits(todo):
                reached |= self._empty[node]
            todo = reached & ~state
            state |= todo
        return state

    def _sequence(self, tokens: Iterable[tuple[Any, Any]], at: int) -> int:
        for word, value in tokens:
            at = self._token(word, value, at)
        return at

    def _token(self, word: Any, value: Any, at: int) -> int:
        if word is words.LITERAL:
            return self._digits(chr(value), at)
        if word is words.IN:
            return self._digits(_set(value), at)
        if word is words.SUBPATTERN:
            return self._sequence(value[3], at)
        if word is words.BRANCH:
            end = self._node()
            for branch in value[1]:
                self._empty[self._sequence(branch, at)] |= 1 << end
            return end
        if word is words.MAX_REPEAT:
            least, most, tokens = value
            if most is words.MAXREPEAT:
                raise ValueError("a repetition without end")
            ends = [at]
            for _ in range(most):
                ends.append(self._sequence(tokens, ends[-1]))
            end = self._node()
            for one in ends[least:]:
                self._empty[one] |= 1 << end
            return end
        raise ValueError(f"{word} in a number pattern")

    def _digits(self, digits: str, at: int) -> int:
        # a fresh node each, so that no two patterns or branches share what follows
        end = self._node()
        for digit in digits:
            if digit not in DIGITS:
                raise ValueError(f"{digit!r} in a number pattern")
            self._next[at][digit] = self._next[at].get(digit, 0) | 1 << end
        return end

    def _repeat_any(self, at: int) -> int:
        loop = self._node()
        self._empty[at] |= 1 << loop
        for digit in DIGITS:
            self._next[loop][digit] = 1 << loop
        return loop


def _bits(state: int) -> Iterable[int]:
    while state:
        low = state & -state
        yield low.bit_length() - 1
        state ^= low


def _set(items: Iterable[tuple[Any, Any]]) -> str:
    found = ""
    for word, value in items:
        if word is words.LITERAL:
            found += chr(value)
        elif word is words.RANGE:
            found += "".join(map(chr, range(value[0], value[1] + 1)))
        elif word is words.CATEGORY and value is words.CATEGORY_DIGIT:
            found += DIGITS
        else:
            raise ValueError(f"{word} in a set of a number pattern")
    return found
