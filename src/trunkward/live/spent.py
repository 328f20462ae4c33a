"""What owners have spent, for commands of a person: asked in pieces, because there may be many."""

from collections.abc import Sequence

from trunkward.live import money
from trunkward.live.ask import Valkey
from trunkward.live.money import Spent

#: Owners asked for in one question.
_AT_ONCE = 1000


def spent_by(valkey: Valkey, accounts: Sequence[str]) -> dict[str, Spent]:
    """By account (`money:trunk:acme-hq`). Raises `NotAnswered`."""
    found: dict[str, Spent] = {}
    for at in range(0, len(accounts), _AT_ONCE):
        some = accounts[at : at + _AT_ONCE]
        found |= zip(some, money.windows_of(valkey.ask(*money.spent(some))), strict=True)
    return found
