"""A number as people write it down: with the spaces and dots of a letterhead, and often as dialled at home.

    +1 (202) 555-0150    202-555-0150    1 202 555 0150    011 44 20 7946 0123

Without a `+` it means what it means where this node is (`node.number_plan`).
"""

from trunkward.numbering.e164 import E164, NotANumber
from trunkward.numbering.plan import DialPlan, strip

#: Besides the visual separators of RFC 3966 section 5.1.1, which `plan.strip` takes away.
_SPACES = str.maketrans("", "", " \t\u00a0\u202f")
_WRITE = "write it with + and its country code, such as +12025550101"


def without_spaces(text: str) -> str:
    """The same as it can stand in a URI, whose other separators are read over."""
    return text.translate(_SPACES)


def read_written(text: str, plan: DialPlan | None) -> E164:
    """The number somebody has written. Raises `NotANumber` with what to write, also where it could be two.

    1. With `+` it is that number, or none.
    2. Without it nobody can tell who does not know where this node is (`plan` None).
    3. Where no prefix stands before national numbers, digits that begin as the country's code are either.
    4. Else it is what it is when it is dialled at home.
    """
    try:
        written = strip(without_spaces(text))
        # 1.
        if written.startswith("+"):
            return E164(written)
        # 2.
        if plan is None:
            raise NotANumber("no country is known that it would be dialled in")
        # 3.
        if not plan.national_prefix and written.startswith(plan.country):
            raise NotANumber(f"it could be +{plan.country}{written} or +{written}")
        # 4.
        return plan.normalise(written)
    except NotANumber as why:
        raise NotANumber(f"{text!r}: {why}; {_WRITE}") from None


def read_range(text: str, plan: DialPlan) -> tuple[E164, E164]:
    """First and last of one number, or of two with a hyphen between. Raises `NotANumber`.

    Hyphens stand within numbers, too: it is the one way to part it that gives numbers.
    """
    hyphens = [at for at, character in enumerate(text) if character == "-"]
    readings: set[tuple[E164, E164]] = set()
    for first, last in ((text, text), *((text[:at], text[at + 1 :]) for at in hyphens)):
        try:
            readings.add((read_written(first, plan), read_written(last, plan)))
        except NotANumber:
            continue
    if len(readings) != 1:
        said = " or ".join(sorted(f"{first}-{last}" for first, last in readings))
        why = f"it could be {said}" if said else "no number, and not two with a hyphen between"
        raise NotANumber(f"{text!r}: {why}; write +12025550100, or +12025550100-+12025550199 for all between")
    return next(iter(readings))
