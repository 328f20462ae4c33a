"""A node with a table of destinations: what the lists of a trunk open in it, in the words of such a list."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from trunkward.admission.permitted import obstacle
from trunkward.numbering.destinations import ORDINARY, Destination, Kind, Risk, longest_match, money
from trunkward.trunks.destinations import DestinationPolicies, kind_of, ordinary_of
from trunkward.trunks.model import NodeSettings, Trunk

_CENT = 10_000
#: Whoever asks: only the lists matter.
_ANYBODY = Trunk(
    name="",
    tenant="",
    networks=(),
    certificate_sha256="",
    certificate_issued_here=False,
    numbers=(),
    host=None,
)


class World:
    """A node with a table: what lists open in it, each found once."""

    def __init__(self, node: NodeSettings, places: Mapping[str, Destination]) -> None:
        self.node = node
        self._places = places
        self._sorted = sorted(places)
        self._kinds: dict[str, set[Destination]] = {}
        for place in set(places.values()):
            if place.country:
                self._kinds.setdefault(kind_of(place), set()).add(place)
        self._open: dict[DestinationPolicies, frozenset[Destination]] = {}
        self._digits: dict[str, list[str]] = {}
        self._named: dict[DestinationPolicies, frozenset[str]] = {}

    def open(self, levels: DestinationPolicies) -> frozenset[str]:
        """Kinds of numbers of countries of which some may be called, at some hour."""
        return frozenset(map(kind_of, self.places(levels)))

    def places(self, levels: DestinationPolicies) -> frozenset[Destination]:
        """Places of countries that may be called, whatever their first digits and the hour.

        With a rate deck one kind of numbers is several places, cheap and dear.
        """
        if levels not in self._open:
            lists = [policy.allow for _, policy in levels if policy.allow is not None]
            # one list names all that can be open: where trunks are many, the rest of the world is not asked
            named = lists[0].by_country | lists[0].by_name if lists else ordinary_of(self.node.region)
            caller = self._caller(levels)
            self._open[levels] = frozenset(
                place
                for kind in named
                for place in self._kinds.get(kind, ())
                if self._goes(caller, "+", place)
            )
        return self._open[levels]

    def nowhere(self, levels: DestinationPolicies) -> bool:
        """Whether nothing at all may be called."""
        return not self.places(levels) and not self.prefixes(levels)

    def calls(self, levels: DestinationPolicies, number: str) -> bool:
        """Whether a number with `+`, or what begins so, may be called at some hour."""
        place = longest_match(self._places, number[1:])[1]
        return self._goes(self._caller(levels), number, place)

    def prefixes(self, levels: DestinationPolicies) -> frozenset[str]:
        """Prefixes in the lists behind which something may be called that no country or class opens."""
        named = self.named(levels)
        return frozenset(
            prefix
            for prefix in _written(levels)
            if prefix in named or any(number.startswith(prefix) for number in named)
        )

    def named(self, levels: DestinationPolicies) -> frozenset[str]:
        """First digits, with `+`, that may be called by such a prefix, and by no country or class."""
        if levels not in self._named:
            open_anyhow, caller = self.places(levels), self._caller(levels)
            self._named[levels] = frozenset(
                number
                for prefix in _written(levels)
                for number, place in self._behind(prefix)
                if place not in open_anyhow and self._goes(caller, number, place)
            )
        return self._named[levels]

    def first_digits(self, kind: str) -> list[str]:
        """Those of a kind of numbers, with `+`."""
        if not self._digits:
            for digits in self._sorted:
                self._digits.setdefault(kind_of(self._places[digits]), []).append(f"+{digits}")
        return self._digits.get(kind, [])

    def _behind(self, prefix: str) -> Iterator[tuple[str, Destination]]:
        yield prefix, longest_match(self._places, prefix[1:])[1]
        for at in range(bisect_left(self._sorted, prefix[1:]), len(self._sorted)):
            digits = self._sorted[at]
            if not digits.startswith(prefix[1:]):
                return
            yield f"+{digits}", self._places[digits]

    def _caller(self, levels: DestinationPolicies) -> Trunk:
        return self.at_any_hour(replace(_ANYBODY, destinations=levels))

    def _goes(self, caller: Trunk, number: str, place: Destination) -> bool:
        return obstacle(caller, number, "", place, self.node, 0.0) is None

    def behind(self, entry: str) -> dict[str, list[tuple[str, str, Destination]]]:
        """What an entry of an `allow` list names, by kind or by itself: number, prefix and place of each."""
        if entry.startswith("+"):
            return {entry: [(number, number, place) for number, place in self._behind(entry)]}
        country, _, kind = entry.partition("/")
        return {
            named: [("+", named, place) for place in self._kinds.get(named, ())]
            for named in ([entry] if kind else sorted(self.kinds_of(country)))
        }

    def rows(self, entry: str) -> dict[str, list[tuple[str, str, Destination]]]:
        """All that the table has of a country, a class of one or a prefix, by kind: number, prefix and place.

        Every class of a country, and not the ordinary ones alone; each with its own first digits.
        """
        if entry.startswith("+"):
            found = list(self._behind(entry))
        else:
            found = [
                (f"+{digits}", self._places[digits])
                for digits in self._sorted
                if entry in (self._places[digits].country, kind_of(self._places[digits]))
            ]
        kinds: dict[str, list[tuple[str, str, Destination]]] = {}
        for number, place in found:
            if place.kind is not Kind.UNKNOWN:
                kind = kind_of(place) if place.country else number
                kinds.setdefault(kind, []).append((number, number, place))
        return kinds

    def at_any_hour(self, trunk: Trunk) -> Trunk:
        """With the same lists and limits, without their hours."""
        levels = tuple((level, replace(policy, hours=None)) for level, policy in trunk.destinations)
        return replace(trunk, destinations=levels)

    def kinds_of(self, country: str) -> set[str]:
        """The ordinary kinds of a country that the table knows."""
        return {
            kind
            for kind, places in self._kinds.items()
            if kind.startswith(f"{country}/") and any(place.kind in ORDINARY for place in places)
        }

    def warnings(self, opened: Iterable[str], prefixes: Iterable[str]) -> Iterator[str]:
        """A sentence for each kind that draws fraud, by its class or by the country's risk."""
        for kind in sorted(opened):
            risky = [place for place in self._kinds.get(kind, ()) if _draws_fraud(place)]
            if risky:
                yield _warning(kind, risky)
        for prefix in sorted(prefixes):
            risky = [place for _, place in self._behind(prefix) if _draws_fraud(place)]
            if risky:
                yield _warning(prefix, risky)


def _written(levels: DestinationPolicies) -> set[str]:
    return {
        entry
        for _, policy in levels
        for entry in (policy.allow.entries if policy.allow else ())
        if entry.startswith("+")
    }


def in_words(opened: Iterable[str], world: World) -> list[str]:
    """Kinds of numbers as an `allow` list names them.

    A country of which all that is ordinary has been opened stands there by its code alone.
    """
    left, said = set(opened), []
    for country in sorted({kind.partition("/")[0] for kind in left}):
        ordinary = world.kinds_of(country)
        if ordinary and ordinary <= left:
            said.append(country)
            left -= ordinary
    return sorted([*said, *left])


def _draws_fraud(place: Destination) -> bool:
    return place.kind is not Kind.UNKNOWN and (place.risk is Risk.HIGH or place.kind not in ORDINARY)


def _warning(what: str, places: list[Destination]) -> str:
    rates = [place.rate_micro for place in places if place.rate_micro is not None]
    # to be read, not to be written: whole cents, and none too few
    price = f"up to {money(-(-max(rates) // _CENT) * _CENT)} EUR a minute" if rates else "of no known price"
    risk = "of high risk" if any(place.risk is Risk.HIGH for place in places) else "no ordinary numbers"
    return f"{what} is {risk}, {price}"
