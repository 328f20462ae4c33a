"""A number plan as the prefixes of a longest-match table: few rows, little wrong.

Exact rows would be millions: `phonenumbers` knows numbers of five digits and of seven with the same
beginning, and single blocks of a hundred numbers. So a row must earn its place. What a table answers
wrongly has a price, and the rows are those for which rows plus prices are least (dynamic programming over
the plan's automaton; the best possible, given the prices).
"""

from collections import Counter
from functools import cache

from tools.numbering.automaton import DIGITS
from tools.numbering.plans import Label, Plan

from trunkward.numbering.destinations import Kind

#: No row has more digits than this after the country code.
LONGEST = 7
#: One row for each 30,000th of a class's numbers in a country that it sets right;
PRICE_OF_A_CLASS = 30_000
#: five times as many where a dear number would pass for another, a fifth for what is rarely called;
WEIGHT = {Kind.PREMIUM: 5, Kind.SATELLITE: 5, Kind.SPECIAL: 0.2, Kind.SHARED_COST: 0.2, Kind.PERSONAL: 0.2}
#: and one for each 10,000th of all digits that nobody has, so that it answers `unknown`.
PRICE_OF_NOBODYS = 10_000

#: None: no number begins like this.
type Answer = Label | None


class Rows:
    """The rows of a country code.

    `rows`: digits with the code before them, and what they are. `longest`: by label, the digits of
    its longest numbers, the code's included.
    """

    def __init__(self, country_code: int) -> None:
        self._plan = plan = Plan(country_code)
        self._step = plan.automaton.step
        self._numbers = cache(self._count)
        self._cost = cache(self._cost_here)
        self._cost_in_force = cache(self._cost_with_row)
        counted = self._numbers(plan.automaton.start, 0)
        lengths = Counter(label for label, _ in counted)
        digits_of_code = len(str(country_code))
        self.longest = {
            label: digits_of_code + max(n for one, n in counted if one == label) for label in lengths
        }
        self._share = {(label, n): 1 / (count * lengths[label]) for (label, n), count in counted.items()}
        self._answers: list[Answer] = [None, *sorted(lengths)]
        self.rows: dict[str, Answer] = {}
        self._choose(plan.automaton.start, "", str(country_code), inherited=None, ended=False)

    def _count(self, state: int, length: int) -> Counter[tuple[Label, int]]:
        """How many numbers begin like this, by label and length."""
        found: Counter[tuple[Label, int]] = Counter()
        if here := self._plan.label(state, length):
            found[here, length] = 1
        if length < self._plan.longest:
            for digit in DIGITS:
                if after := self._step(state, digit):
                    found.update(self._numbers(after, length + 1))
        return found

    def _cost_here(self, state: int, length: int, ended: bool) -> dict[Answer, float]:
        """What it costs below here when an answer is in force here: by answer."""
        if not state or not self._numbers(state, length):
            # `ended`: a number has ended before, so this is one with digits too many, not nobody's
            wrong = 0.0 if ended else PRICE_OF_NOBODYS * 10.0**-length
            return {answer: 0.0 if answer is None else wrong for answer in self._answers}
        here = self._plan.label(state, length)
        below = [self._cost_in_force(self._step(state, d), length + 1, here is not None) for d in DIGITS]
        return {
            answer: sum(one[answer] for one in below) + self._price(here, length, answer)
            for answer in self._answers
        }

    def _cost_with_row(self, state: int, length: int, ended: bool) -> dict[Answer, float]:
        """The same when a row may be put here, which costs one."""
        costs = self._cost(state, length, ended)
        if length > LONGEST:
            return costs
        with_row = min(costs.values()) + 1
        return {answer: min(cost, with_row) for answer, cost in costs.items()}

    def _price(self, label: Label | None, length: int, answer: Answer) -> float:
        if label is None or label == answer:
            return 0
        return PRICE_OF_A_CLASS * WEIGHT.get(label.kind, 1) * self._share[label, length]

    def _choose(self, state: int, digits: str, code: str, *, inherited: Answer, ended: bool) -> None:
        length = len(digits)
        costs = self._cost(state, length, ended)
        least = min(costs.values())
        if length <= LONGEST and costs[inherited] > least + 1:
            inherited = next(answer for answer in self._answers if costs[answer] == least)
            self.rows[code + digits] = inherited
        if not state or costs[inherited] < 1 or length >= LONGEST:
            return  # a row costs one, so there is none below
        ended = self._plan.label(state, length) is not None
        for digit in DIGITS:
            self._choose(self._step(state, digit), digits + digit, code, inherited=inherited, ended=ended)
