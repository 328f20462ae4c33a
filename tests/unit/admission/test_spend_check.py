"""Calls that cost money: what is asked for them, what is told when there is none, and which carriers take them."""

from collections.abc import Callable, Mapping
from copy import replace
from typing import Any

import pytest

from sipkit.places import TABLE, place
from trunkward.admission.judge import Judgement, judge_call
from trunkward.admission.limits import asked_of
from trunkward.admission.ports import (
    NO_FACTS,
    Charge,
    Facts,
    Foreign,
    Frozen,
    Held,
    LiveFact,
    Over,
    OverSpend,
    PeerIdentity,
    Proven,
    Unavailable,
)
from trunkward.admission.screen import Case, screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.admission.trial import Trial, judge_trial
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit, Blame, Reason, Reject
from trunkward.numbering.destinations import Destination, Kind
from trunkward.spend.deck import Rate, deck
from trunkward.spend.table import DeckTable, compile_deck
from trunkward.spend.tariff import Tariff
from trunkward.trunks.destinations import DestinationPolicy, Level, allowed
from trunkward.trunks.model import Carrier, Declared, Routing
from trunkward.trunks.spending import NO_CAPS, TRUNK_CAPS, Raise, Spending, Window

NOW = 1_800_000_000.0
HOME, FREE = "+12025550199", "+18005550123"
#: One cent a minute, each minute begun; a call's first slice is a grant and fifteen seconds.
CENT = Tariff(rate_nano=10_000_000, first_s=60, next_s=60)
SLICE = CENT.price_micro(75)

type Attempt = Callable[..., CallAttempt]
type Prices = Mapping[str, int | Tariff]


def table(prices: Prices, currency: str = "EUR") -> DeckTable:
    """By prefix, thousandths of a unit a minute, charged by the second, or a tariff."""
    rates = [
        Rate(prefix=p, tariff=price if isinstance(price, Tariff) else Tariff(rate_nano=price * 1_000_000))
        for p, price in prices.items()
    ]
    return DeckTable(compile_deck(deck(currency, rates), 0))


def world(
    declared: Declared,
    *,
    sold: Prices | None = None,
    bought: Mapping[str, Prices] | None = None,
    currency: str = "EUR",
    trunk: Spending = TRUNK_CAPS,
    tenant: Spending = NO_CAPS,
    carriers: Mapping[str, Spending] | None = None,
    raises: tuple[Raise, ...] = (),
    places: Mapping[str, Destination] = TABLE,
    **node: Any,
) -> Snapshot:
    """The laboratory, with both carriers for +1, and decks and caps as given."""
    bought, carriers = bought or {}, carriers or {}
    tables = {"retail": table(sold, currency)} if sold is not None else {}
    tables |= {f"of-{name}": table(prices) for name, prices in bought.items()}

    def carrier(one: Carrier) -> Carrier:
        named = f"of-{one.name}" if one.name in bought else ""
        return replace(one, prefixes=("+1",), deck=named, spending=carriers.get(one.name, NO_CAPS))

    changed = replace(
        declared,
        node=replace(declared.node, **node),
        trunks=(replace(declared.trunks[0], spending=trunk),),
        carriers=tuple(map(carrier, declared.carriers)),
        tenant_decks={"acme": "retail"} if sold is not None else {},
        tenant_spending={"acme": tenant} if tenant != NO_CAPS else {},
    )
    compiled = compile_snapshot(changed, {}, 1, places, decks={name: name for name in tables}, raises=raises)
    return Snapshot(compiled, tables.__getitem__)


def charge(case: Case) -> Charge:
    assert case.charge is not None
    return case.charge


def judged(case: Case, live: LiveFact) -> Judgement:
    return judge_call(case, replace(NO_FACTS, live=live), "r1", NOW)


RESERVED = Held(record_id="r1", until_ms=1, reserved=True)


def test_what_a_trunk_that_says_nothing_reserves(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    policy = world(declared)
    case = screen(outbound(HOME), pbx, policy)
    (share,) = charge(case).shares
    assert (share.owner, share.tariff, share.caps) == ("money:trunk:acme-hq", CENT.compact(), TRUNK_CAPS)
    assert share.slice_micro == SLICE == 20_000
    assert charge(case).longest_s == policy.node.grant_s + 15
    assert asked_of(case, policy, "r1").money == case.charge
    verdict = judged(case, RESERVED).verdict
    assert isinstance(verdict, Admit)
    assert verdict.money == f"{CENT.compact()};trunk:acme-hq;"
    assert {route.ring_timeout_s for route in verdict.routes} == {60}
    said = {finding.check: finding.detail for finding in judged(case, RESERVED).findings}
    assert said["price"] == "0.01 EUR a minute, 60/60 (indicative)"
    assert said["spend"] == "0.02 of trunk acme-hq (EUR)"


def test_all_levels_pay_by_the_tenants_deck(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    policy = world(declared, sold={"1": 20, "1202": 30}, tenant=Spending(day_micro=5_000_000))
    shares = charge(screen(outbound(HOME), pbx, policy)).shares
    # 75 seconds at 0.03 a minute, by the second
    assert {share.owner: share.slice_micro for share in shares} == {
        "money:trunk:acme-hq": 37_500,
        "money:tenant:acme": 37_500,
    }


def test_a_short_call_is_reserved_for_as_long_as_it_may_last(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    short = replace(declared, trunks=(replace(declared.trunks[0], max_call_s=30),))
    (share,) = charge(screen(outbound(HOME), pbx, world(short, sold={"1": 60}))).shares
    assert share.slice_micro == 45_000


def test_a_raise_counts_until_its_end(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    up = Raise(version=9, owner="trunk:acme-hq", window=Window.DAY, to_micro=80_000_000, until=NOW + 60)
    policy = world(declared, raises=(up,))
    caps = [
        charge(screen(outbound(HOME, at=at), pbx, policy)).shares[0].caps.day_micro
        for at in (NOW, NOW + 59, NOW + 60)
    ]
    assert caps == [80_000_000, 80_000_000, 30_000_000]


@pytest.mark.parametrize("called", [FREE, "911"])
def test_what_is_free_asks_for_nothing(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, called: str
) -> None:
    case = screen(outbound(called), pbx, world(declared))
    verdict = judged(case, Held(record_id="r1")).verdict
    assert isinstance(verdict, Admit)
    assert (case.charge, verdict.money) == (None, "")
    assert {route.ring_timeout_s for route in verdict.routes} == {120}


def test_calls_in_ask_for_nothing(inbound: Attempt, declared: Declared) -> None:
    case = screen(inbound(), None, world(declared))
    assert case.charge is None
    assert isinstance(judged(case, Held(record_id="r1")).verdict, Admit)


def test_who_has_no_cap_and_no_deck_is_asked_for_nothing(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    nowhere = {"1": place("US", Kind.FIXED_OR_MOBILE, None)}
    case = screen(outbound(HOME), pbx, world(declared, trunk=NO_CAPS, places=nowhere))
    assert (case.charge, case.prices.sale) == (None, None)
    assert isinstance(judged(case, Held(record_id="r1")).verdict, Admit)


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"sold": {"44": 1}}, f"deck retail has no rate for {HOME}"),
        ({"sold": {"1": 1}, "currency": "USD"}, "deck retail is in USD, and node.currency is EUR"),
        (
            {"places": {"1": place("US", Kind.FIXED_OR_MOBILE, None)}},
            "tenant acme has no deck, and what a minute to +1 costs is not known",
        ),
        ({"node": "USD"}, "tenant acme has no deck in USD; indicative prices are in euro"),
        # a deck is what is sold: what is not in it is not, whoever counts
        ({"sold": {"44": 1}, "trunk": NO_CAPS}, f"deck retail has no rate for {HOME}"),
    ],
)
def test_no_price_no_call(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, changed: dict[str, Any], detail: str
) -> None:
    if currency := changed.pop("node", ""):
        declared = replace(declared, node=replace(declared.node, currency=currency))
    judgement = judged(screen(outbound(HOME), pbx, world(declared, **changed)), RESERVED)
    verdict, last = judgement.verdict, judgement.findings[-1]
    assert isinstance(verdict, Reject)
    assert (verdict.reason, verdict.status, verdict.blame) == (Reason.NO_PRICE, 403, Blame.US)
    assert (last.check, last.detail) == ("price", detail)
    assert "deck import" in last.remedy
    assert "retail" not in dict(verdict.headers)["Warning"]


def over(owner: str, window: Window, retry_after_s: int | None) -> OverSpend:
    return OverSpend(
        owner=owner,
        window=window,
        cap_micro=30_000_000,
        settled_micro=29_000_000,
        granted_micro=990_000,
        retry_after_s=retry_after_s,
    )


@pytest.mark.parametrize(
    ("live", "reason", "status", "cause", "after", "blame", "detail"),
    [
        (
            over("money:trunk:acme-hq", Window.DAY, 1800),
            *(Reason.SPEND_CAP, 403, 21, "1800", Blame.CUSTOMER),
            (
                "trunk acme-hq may cost 30.00 EUR a day: 29.00 are spent and 0.99 held for calls, so 0.01 are left,"
                " and this call needs 0.02 to begin"
            ),
        ),
        (
            over("money:trunk:acme-hq", Window.CALL, None),
            *(Reason.SPEND_CAP, 403, 21, None, Blame.CUSTOMER),
            "a call of trunk acme-hq may cost 30.00 EUR, and this one needs 0.02 to begin",
        ),
        (
            over("money:carrier:north", Window.MONTH, 7),
            *(Reason.SPEND_CAP, 503, 34, "7", Blame.US),
            (
                "carrier north may cost 30.00 EUR a month: 29.00 are spent and 0.99 held for calls, so 0.01 are"
                " left, and this call needs 0.005 to begin"
            ),
        ),
        (
            Frozen(retry_after_s=70, epoch=2),
            *(Reason.SPEND_FROZEN, 503, 41, "70", Blame.US),
            "Valkey was started anew, and what was spent may be lost",
        ),
        (
            Foreign(currency="USD"),
            *(Reason.SPEND_FROZEN, 503, 41, "2", Blame.US),
            "what is spent is counted in USD, and node.currency is EUR",
        ),
        (
            Held(record_id="r1", until_ms=1),
            *(Reason.SPEND_UNAVAILABLE, 503, 41, "2", Blame.US),
            "nothing is reserved for it",
        ),
        (
            Unavailable(what="redis", why="redis-timeout"),
            *(Reason.LIMITS_UNAVAILABLE, 503, 41, "2", Blame.US),
            "redis-timeout",
        ),
    ],
)
def test_no_money_no_call(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    live: LiveFact,
    reason: Reason,
    status: int,
    cause: int,
    after: str | None,
    blame: Blame,
    detail: str,
) -> None:
    capped = {"north": Spending(month_micro=30_000_000)}
    policy = world(declared, bought={"north": {"1": 4}}, carriers=capped)
    judgement = judged(screen(outbound(HOME), pbx, policy), live)
    verdict, last = judgement.verdict, judgement.findings[-1]
    assert isinstance(verdict, Reject)
    assert (verdict.reason, verdict.status, verdict.blame) == (reason, status, blame)
    headers = dict(verdict.headers)
    assert f"Q.850;cause={cause}" in " ".join(value for _, value in verdict.headers)
    assert headers.get("Retry-After") == after
    assert last.detail == detail
    assert last.remedy
    reached = f"{live.owner.removeprefix('money:')} {live.window}" if isinstance(live, OverSpend) else ""
    assert last.cap == reached
    # the caller hears nothing of amounts
    assert not any(amount in headers["Warning"] for amount in ("30.00", "29.00", "0.99", "acme"))


def test_what_a_cap_has_to_be_raised_to(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    live = over("money:trunk:acme-hq", Window.HOUR, 7)
    last = judged(screen(outbound(HOME), pbx, world(declared)), live).findings[-1]
    assert last.detail.startswith("trunk acme-hq may cost 30.00 EUR an hour: 29.00 are spent")
    # what is spent, what is held, and this call's first slice
    assert "spend raise trunk:acme-hq --window hour --to AMOUNT" in last.remedy
    assert "(at least 30.01)" in last.remedy


def test_a_full_limit_is_told_before_the_money(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    case = screen(outbound(HOME), pbx, world(declared))
    full = judged(case, Over(key="calls:trunk:acme-hq", most=30, retry_after_s=5)).verdict
    assert full.reason is Reason.LIMIT_CALLS


NORTH, SOUTH = ["north"], ["south"]
BOTH = ["north", "south"]


@pytest.mark.parametrize(
    ("changed", "routes", "left_out"),
    [
        ({}, BOTH, set()),
        # the file's order, whatever they ask
        ({"bought": {"north": {"1": 9}, "south": {"1": 5}}}, BOTH, set()),
        (
            {"bought": {"north": {"1": 9}, "south": {"1": 5}}, "routing": Routing.LEAST_COST},
            ["south", "north"],
            set(),
        ),
        # whose cost is not known comes last
        ({"bought": {"south": {"1": 9}}, "routing": Routing.LEAST_COST}, ["south", "north"], set()),
        # an indicative price is compared with nothing
        ({"bought": {"north": {"1": 900}}}, BOTH, set()),
        # whoever has a deck sells what is in it, whether it has a cap or not
        ({"bought": {"north": {"44": 1}}}, SOUTH, {"north"}),
        ({"sold": {"1": 9}, "bought": {"north": {"44": 1}, "south": {"1": 8}}}, SOUTH, {"north"}),
        ({"sold": {"1": 8}, "bought": {"north": {"1": 9}, "south": {"1": 8}}}, SOUTH, {"north"}),
        (
            {"sold": {"1": 8}, "bought": {"north": {"1": 6}, "south": {"1": 7}}, "margin_nano": 2_000_000},
            NORTH,
            {"south"},
        ),
        # whose cap cannot be counted
        (
            {"bought": {"north": {"44": 1}, "south": {"1": 1}}, "carriers": {"north": Spending(day_micro=1)}},
            SOUTH,
            {"north"},
        ),
    ],
)
def test_which_carriers_take_it(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    changed: dict[str, Any],
    routes: list[str],
    left_out: set[str],
) -> None:
    case = screen(outbound(HOME), pbx, world(declared, **changed))
    verdict = judged(case, RESERVED).verdict
    assert isinstance(verdict, Admit)
    assert [route.peer for route in verdict.routes] == routes
    assert case.prices.left_out.keys() == left_out


SIX = Tariff(rate_nano=20_000_000, first_s=6, next_s=6)


@pytest.mark.parametrize(
    ("sale", "cost", "margin_nano", "why"),
    [
        (SIX, SIX, 0, ""),
        (SIX, replace(SIX, first_s=30), 0, ""),
        # a minute is sold for more than it costs, and no call of some minutes
        (
            replace(SIX, first_s=1, next_s=1),
            Tariff(rate_nano=15_000_000, connect_nano=50_000_000, first_s=60, next_s=60),
            0,
            "a call of 60 s is sold for 0.02 and costs 0.065",
        ),
        (SIX, replace(SIX, connect_nano=1), 0, "a call of 6 s is sold for 0.002 and costs 0.002001"),
        # what it costs once is earned back within a minute, and too late for its first increment
        (
            replace(SIX, rate_nano=30_000_000), replace(SIX, connect_nano=5_000_000), 0,
            "a call of 6 s is sold for 0.003 and costs 0.007",
        ),
        (SIX, replace(SIX, first_s=120), 0, "a call of 60 s is sold for 0.02 and costs 0.04"),
        (SIX, replace(SIX, rate_nano=15_000_000), 5_000_000, ""),
        (
            SIX, replace(SIX, rate_nano=15_000_000, first_s=66), 5_000_000,
            "a call of 60 s is sold for 0.02 and costs 0.0165, and at least 0.005 more a minute is wanted",
        ),
        # a fee pays for calls that end soon, and for no minute
        (
            replace(SIX, connect_nano=10**9), replace(SIX, rate_nano=20_000_001), 0,
            "a minute is sold for -0.000000001 more than it costs, and at least 0.00 is wanted",
        ),
    ],
)  # fmt: skip
def test_fees_and_increments_are_part_of_the_margin(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    sale: Tariff,
    cost: Tariff,
    margin_nano: int,
    why: str,
) -> None:
    bought = {"north": {"1": cost}}
    policy = world(declared, sold={"1": sale}, bought=bought, margin_nano=margin_nano)
    left_out = screen(outbound(HOME), pbx, policy).prices.left_out
    assert {name: one.why for name, one in left_out.items()} == ({"north": why} if why else {})
    assert all(one.too_dear and "deck show of-north +12025550199" in one.remedy for one in left_out.values())


@pytest.mark.parametrize(
    ("asked", "tariff", "detail"),
    [
        ({"north": 10}, CENT, "0.01 EUR a minute, 60/60 (indicative)"),
        # by the second, and dearer: the dearest of all that may take it, a minute at a time
        (
            {"north": 900, "south": 1200},
            replace(CENT, rate_nano=1_200_000_000),
            "1.20 EUR a minute, 60/60 (indicative, but what south asks)",
        ),
    ],
)
def test_an_indicative_price_is_no_less_than_what_is_asked(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, asked: Prices, tariff: Tariff, detail: str
) -> None:
    policy = world(declared, bought={name: {"1": price} for name, price in asked.items()})
    case = screen(outbound(HOME), pbx, policy)
    (share,) = charge(case).shares
    assert (share.tariff, share.slice_micro) == (tariff.compact(), tariff.price_micro(75))
    judgement = judged(case, RESERVED)
    assert isinstance(judgement.verdict, Admit)
    assert judgement.verdict.money == f"{tariff.compact()};trunk:acme-hq;"
    assert {one.check: one.detail for one in judgement.findings}["price"] == detail


def test_why_a_carrier_with_a_deck_is_left_out(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    """Also one whose deck nobody has imported: what it costs is not known, and somebody meant to know it."""
    carriers = tuple(replace(one, deck=one.name, prefixes=("+1",)) for one in declared.carriers)
    changed = replace(declared, carriers=carriers)
    usd = table({"1": 1}, "USD")
    compiled = compile_snapshot(changed, {}, 1, TABLE, decks={"north": "n"})
    judgement = judged(screen(outbound(HOME), pbx, Snapshot(compiled, lambda _: usd)), RESERVED)
    # nobody asks too much: nobody knows what they ask
    assert judgement.verdict.reason is Reason.NO_PRICE
    assert judgement.findings[-1].detail == (
        "north: its deck north is in USD, and node.currency is EUR; south: there is no deck south"
    )
    assert judgement.findings[-1].remedy == (
        "for carrier north: name a deck in EUR; south: ./trunkward deck import south FILE, or name one that is"
        " there (./trunkward deck list)"
    )


def test_no_carrier_is_cheap_enough(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    policy = world(declared, sold={"1": 5}, bought={"north": {"1": 6}, "south": {"1": 7}})
    judgement = judged(screen(outbound(HOME), pbx, policy), RESERVED)
    verdict = judgement.verdict
    assert isinstance(verdict, Reject)
    assert (verdict.reason, verdict.status, verdict.blame) == (Reason.NO_MARGIN, 404, Blame.US)
    assert judgement.findings[-1].detail == (
        "north: a minute is sold for -0.001 more than it costs, and at least 0.00 is wanted;"
        " south: a minute is sold for -0.002 more than it costs, and at least 0.00 is wanted"
    )
    assert "0.00" not in dict(verdict.headers)["Warning"]
    # one that is too dear, and one without a rate: the margin is what can be looked at
    policy = world(declared, sold={"1": 5}, bought={"north": {"44": 1}, "south": {"1": 7}})
    judgement = judged(screen(outbound(HOME), pbx, policy), RESERVED)
    assert judgement.verdict.reason is Reason.NO_MARGIN
    assert (
        "a rate for +12025550199: ./trunkward deck import of-north FILE --merge"
        in judgement.findings[-1].remedy
    )


def test_a_carrier_at_its_cap_is_left_out(outbound: Attempt, pbx: PeerIdentity, declared: Declared) -> None:
    capped = {"north": Spending(day_micro=1_000_000)}
    policy = world(declared, sold={"1": 20}, bought={"north": {"1": 4}}, carriers=capped)
    case = screen(outbound(HOME), pbx, policy)
    paying = {share.owner: (share.slice_micro, share.carrier, share.caps) for share in charge(case).shares}
    # south has no cap and no known price: to go by it is no overspending
    assert paying == {
        "money:trunk:acme-hq": (25_000, False, TRUNK_CAPS),
        "money:carrier:north": (5_000, True, capped["north"]),
        "money:carrier:south": (0, True, NO_CAPS),
    }
    verdict = judged(case, replace(RESERVED, cut_routes=("money:carrier:north",))).verdict
    assert isinstance(verdict, Admit)
    assert [route.peer for route in verdict.routes] == ["south"]
    assert verdict.money == "20000000:0:1:1;trunk:acme-hq;south=0:0:1:1"


@pytest.mark.parametrize(
    ("spending", "reason"),
    [
        (TRUNK_CAPS, Reason.ADMITTED),
        (Spending(call_micro=SLICE), Reason.ADMITTED),
        (Spending(call_micro=SLICE - 1), Reason.SPEND_CAP),
        (Spending(month_micro=0), Reason.SPEND_CAP),
    ],
)
def test_a_call_nobody_places_is_judged_with_nothing_spent(
    declared: Declared, spending: Spending, reason: Reason
) -> None:
    policy = world(declared, trunk=spending)
    trunk = policy.trunk("acme-hq")
    assert trunk is not None
    judgement = judge_trial(Trial(source=trunk, calling="+12025550101", called=HOME, at=NOW), policy)
    assert judgement.verdict.reason is reason


def test_a_missing_fact_reserves_nothing(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared, signed: Callable[..., Facts]
) -> None:
    case = screen(outbound(HOME), pbx, world(declared))
    facts = replace(signed(), live=Held(record_id="r1", counters=("calls:trunk:acme-hq",)))
    assert judge_call(case, facts, "r1", NOW).verdict.reason is Reason.SPEND_UNAVAILABLE


LOST = Unavailable(what="redis", why="redis-timeout")
ESCROW = Held(record_id="r1", counters=("calls:trunk:acme-hq",), reserved=True)


@pytest.mark.parametrize(
    ("called", "local", "reason"),
    [
        (HOME, ESCROW, Reason.ADMITTED),
        (HOME, None, Reason.LIMITS_UNAVAILABLE),
        (HOME, Over(key="calls:trunk:acme-hq", most=30, retry_after_s=5), Reason.LIMIT_CALLS),
        # counted, and not paid for
        (HOME, replace(ESCROW, reserved=False), Reason.SPEND_UNAVAILABLE),
        ("+18765550123", ESCROW, Reason.LIMITS_UNAVAILABLE),
    ],
)
def test_without_valkey_calls_at_home_go_by_escrow(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    called: str,
    local: Held | Over | None,
    reason: Reason,
) -> None:
    """Summary: posture row "Redis": with what this gate has leased ahead, and only at home."""
    listed = DestinationPolicy(allow=allowed(("US", "JM")))
    abroad = replace(declared.trunks[0], destinations=((Level.TRUNK, listed),))
    case = screen(outbound(called), pbx, world(replace(declared, trunks=(abroad,))))
    judgement = judge_call(case, replace(NO_FACTS, live=LOST, local=local), "r1", NOW)
    assert judgement.verdict.reason is reason
    if isinstance(judgement.verdict, Admit):
        assert judgement.verdict.money


def test_whose_credentials_nobody_can_look_up_has_no_escrow(
    outbound: Attempt, pbx: PeerIdentity, declared: Declared
) -> None:
    used = Proven(trunk="acme-hq", username="acme-hq", nonce="n", nc=1, until=9e9, epoch=7, secret=1)
    case = replace(screen(outbound(HOME), pbx, world(declared)), nonce=used)
    judgement = judge_call(case, replace(NO_FACTS, live=LOST, local=ESCROW), "r1", NOW)
    assert judgement.verdict.reason is Reason.LIMITS_UNAVAILABLE
