"""What a trunk may call, by reason: country, class, price, time; and that no level opens what another does not."""

from collections.abc import Callable
from copy import replace
from datetime import UTC, datetime

import pytest

from sipkit.places import TABLE, place
from sipkit.remedies import follow
from trunkward.admission.judge import judge_call
from trunkward.admission.ports import NO_FACTS, NOTHING_ASKED, PeerIdentity
from trunkward.admission.screen import screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.reasons import REASONS
from trunkward.calls.verdict import Admit, Blame, Reason, Reject
from trunkward.engines.destinations_file import destinations_with
from trunkward.numbering.destinations import Destination, Kind
from trunkward.trunks.destinations import (
    DestinationPolicies,
    DestinationPolicy,
    Level,
    Outside,
    allowed,
    hours,
)
from trunkward.trunks.model import Declared
from trunkward.trunks.spending import NO_CAPS

type Attempt = Callable[..., CallAttempt]

#: There is a place for the call, and nothing else is known.
ROOM = replace(NO_FACTS, live=replace(NOTHING_ASKED, reserved=True))

US, FR, JM = "+12025550199", "+33199001234", "+18765550123"
FR_MOBILE, FR_PREMIUM, US_PREMIUM, US_FREE = "+33639980123", "+33899001234", "+19005550123", "+18005550123"
GB, GB_PERSONAL, CU, MV, DE = "+442079460123", "+447011234567", "+5371234567", "+9603001234", "+493023125000"
FREE_ANYWHERE, NORWAY = "+80012345678", "+4721234567"
SATELLITE, HOLE, NOWHERE, TOO_LONG = "+8821612345678", "+49999123456", "+2101234567", FR_MOBILE + "4"


def says(
    *allow: str, level: Level = Level.TRUNK, rate: int | None = None, at: str = "", outside: str = "nothing"
) -> DestinationPolicies:
    """One level; `allow` "-" for a list with nothing in it."""
    listed = allowed(tuple(entry for entry in allow if entry != "-")) if allow else None
    when = hours("America/New_York", [at], Outside(outside)) if at else None
    return ((level, DestinationPolicy(allow=listed, max_rate_micro=rate, hours=when)),)


@pytest.fixture
def world(declared: Declared) -> Callable[..., Snapshot]:
    """The laboratory, its carrier taking every number, its trunk with these levels."""

    def make(
        levels: DestinationPolicies, table: dict[str, Destination] = TABLE, region: str = "US"
    ) -> Snapshot:
        trunk = replace(declared.trunks[0], destinations=levels, reseller="west", spending=NO_CAPS)
        north = replace(declared.carriers[0], prefixes=tuple(f"+{digit}" for digit in range(1, 10)))
        changed = replace(
            declared,
            node=replace(declared.node, region=region),
            trunks=(trunk,),
            carriers=(north, declared.carriers[1]),
        )
        return Snapshot(compile_snapshot(changed, {}, 1, table))

    return make


@pytest.fixture
def verdict(
    world: Callable[..., Snapshot], outbound: Attempt, pbx: PeerIdentity
) -> Callable[..., Admit | Reject]:
    """Of a call to a number, by these levels."""

    def of(number: str, levels: DestinationPolicies, at: float = 1.0) -> Admit | Reject:
        case = screen(outbound(number, at=at), pbx, world(levels))
        judged = judge_call(case, ROOM, "r", at)
        assert isinstance(judged.verdict, Admit | Reject)
        if isinstance(judged.verdict, Reject):
            assert judged.findings[-1].check == "permitted"
            assert judged.verdict.status == 403
            assert judged.verdict.blame is Blame.CUSTOMER
        return judged.verdict

    return of


NOT, CLASS, RATE = Reason.DESTINATION_NOT_ALLOWED, Reason.CLASS_NOT_ALLOWED, Reason.RATE_TOO_HIGH
GOES, UNKNOWN = Reason.ADMITTED, Reason.DESTINATION_UNKNOWN


@pytest.mark.parametrize(
    ("number", "levels", "reason"),
    [
        # nobody says anything: home, ordinary
        (US, (), GOES),
        (US_FREE, (), GOES),
        (US_PREMIUM, (), CLASS),
        (JM, (), NOT),
        (FR, (), NOT),
        (SATELLITE, (), CLASS),
        # one digit more than any number there has, whatever opens its prefix
        (TOO_LONG, says("FR", "+336"), UNKNOWN),
        # unknown, whatever is opened
        (NOWHERE, (), UNKNOWN),
        (NOWHERE, says("+210"), UNKNOWN),
        (HOLE, says("DE", "+49999"), UNKNOWN),
        # a country
        (FR, says("FR"), GOES),
        (FR_MOBILE, says("FR"), GOES),
        (FR_PREMIUM, says("FR"), CLASS),
        # who lists one country opens no other, home included
        (US, says("FR"), NOT),
        (US, says("-"), NOT),
        # the toll-free numbers of +1 are of all its countries
        (US_FREE, says("JM"), GOES),
        (US, says("JM"), NOT),
        # a class
        (FR_PREMIUM, says("FR/premium"), GOES),
        (FR, says("FR/premium"), CLASS),
        (GB_PERSONAL, says("GB"), CLASS),
        (GB_PERSONAL, says("GB", "GB/personal"), GOES),
        # a prefix
        (SATELLITE, says("+88216"), GOES),
        (SATELLITE, says("+88217"), CLASS),
        (FR_PREMIUM, says("+3389"), GOES),
        (FR_MOBILE, says("+3389"), NOT),
        # the price: 0.30 where nobody says another
        (CU, says("CU"), RATE),
        (CU, says("CU/fixed-or-mobile"), GOES),
        (CU, says("+53"), GOES),
        (CU, says("CU", rate=980_000), GOES),
        (CU, says("CU", rate=979_999), RATE),
        (CU, says("CU/fixed-or-mobile", rate=0), GOES),
        (US, says("US", rate=9_999), RATE),
        # nobody knows the price
        (MV, says("MV"), RATE),
        (MV, says("MV", rate=900_000_000), RATE),
        (MV, says("MV/fixed-or-mobile"), GOES),
        (DE, says("DE"), RATE),
        # every level that has a list must open it
        (FR, says("FR", level=Level.RESELLER) + says("US"), NOT),
        (FR, says("FR", level=Level.RESELLER) + says("FR"), GOES),
        (FR, says("FR", level=Level.TENANT), GOES),
        (FR, says(level=Level.TENANT, rate=1) + says("FR"), RATE),
        (FR_PREMIUM, says("FR/premium", level=Level.TENANT) + says("FR"), CLASS),
        # a limit is lifted where it is set, and not below
        (CU, says("CU", level=Level.TENANT, rate=100_000) + says("CU/fixed-or-mobile"), RATE),
        (CU, says("CU", level=Level.TENANT) + says("CU/fixed-or-mobile"), RATE),
        (CU, says("CU/fixed-or-mobile", level=Level.TENANT) + says("CU/fixed-or-mobile"), GOES),
        # the 0.30 nobody wrote is the outermost level's: nobody below lifts it for that one
        (CU, says("CU", level=Level.RESELLER) + says("CU", rate=5_000_000), RATE),
        (CU, says("CU", level=Level.RESELLER) + says(level=Level.TENANT, rate=5_000_000) + says("CU"), RATE),
        (CU, says("CU/fixed-or-mobile", level=Level.RESELLER) + says("CU", rate=5_000_000), GOES),
        (CU, says("CU/fixed-or-mobile", level=Level.RESELLER) + says("CU"), RATE),
        # who writes no limit has that of the level above
        (CU, says("CU", level=Level.RESELLER, rate=5_000_000) + says("CU"), GOES),
        (CU, says(level=Level.TENANT, rate=5_000_000) + says("CU"), GOES),
        # a level that says nothing of places has no limit of its own
        (CU, says(level=Level.RESELLER, at="sun-sat 00:00-24:00") + says("CU", rate=5_000_000), GOES),
        # at home only what is written counts
        (US, says("US", level=Level.RESELLER, rate=9_999) + says("US", rate=5_000_000), RATE),
    ],
)
def test_what_goes_and_what_does_not(
    verdict: Callable[..., Admit | Reject], number: str, levels: DestinationPolicies, reason: Reason
) -> None:
    assert verdict(number, levels).reason is reason


@pytest.mark.parametrize(
    ("number", "levels", "detail", "remedy"),
    [
        (
            FR, (),
            "FR is not at home",
            "write destinations.allow: [US, FR] for trunk acme-hq",
        ),
        (
            FR, says("US", level=Level.RESELLER),
            "FR is not opened by reseller west",
            "add FR to destinations.allow of reseller west",
        ),
        (
            FR_PREMIUM, says("FR", level=Level.TENANT),
            "premium numbers of FR are not opened by tenant acme",
            "add FR/premium to destinations.allow of tenant acme",
        ),
        (
            SATELLITE, says("FR"),
            "satellite numbers of +88216, which no country has, are not opened by trunk acme-hq",
            'add "+88216" to destinations.allow of trunk acme-hq',
        ),
        (
            CU, says("CU"),
            "0.98 a minute, more than 0.30, which holds for trunk acme-hq where nobody writes another",
            ('add CU/fixed-or-mobile to destinations.allow of trunk acme-hq, or write destinations.max_rate: "0.98"'
            " for trunk acme-hq"),
        ),
        (
            CU, says("US", "CU", level=Level.TENANT),
            "0.98 a minute, more than 0.30, which holds for tenant acme where nobody writes another",
            ('add CU/fixed-or-mobile to destinations.allow of tenant acme, or write destinations.max_rate: "0.98"'
            " for tenant acme"),
        ),
        (
            CU, says("CU/fixed-or-mobile", level=Level.RESELLER, rate=100_000) + says("CU"),
            "0.98 a minute, more than 0.10 of reseller west, which holds for trunk acme-hq, too",
            ('add CU/fixed-or-mobile to destinations.allow of trunk acme-hq, or write destinations.max_rate: "0.98"'
            " for trunk acme-hq"),
        ),
        # every step at once: country and price, level by level, and the hours
        (
            CU, (),
            "CU is not at home",
            "write destinations.allow: [US, CU/fixed-or-mobile] for trunk acme-hq",
        ),
        (
            CU, says(level=Level.TENANT, rate=100_000),
            "CU is not at home",
            ('raise destinations.max_rate of tenant acme to "0.98"; and write destinations.allow: [US, CU] for'
            " trunk acme-hq"),
        ),
        (
            FR, says("US", level=Level.TENANT) + says("US", at="sun 00:00-00:01"),
            "FR is not opened by tenant acme",
            ("add FR to destinations.allow of tenant acme; and add FR to destinations.allow of trunk acme-hq; and"
            " widen destinations.hours.open of trunk acme-hq"),
        ),
        # a list of single classes gets a class
        (
            GB, says("GB/mobile"),
            "geographic numbers of GB are not opened by trunk acme-hq",
            "add GB/geographic to destinations.allow of trunk acme-hq",
        ),
        # no country's, and ordinary all the same
        (
            FREE_ANYWHERE, says("US"),
            "toll-free numbers of +800, which no country has, are not opened by trunk acme-hq",
            'add "+800" to destinations.allow of trunk acme-hq',
        ),
        # a plain NO is false to YAML
        (
            NORWAY, says("US"),
            "NO is not opened by trunk acme-hq",
            'add "NO" to destinations.allow of trunk acme-hq',
        ),
        (
            MV, says("MV"),
            ("what a minute to +960 costs is not known, so it is more than 0.30, which holds for trunk acme-hq"
            " where nobody writes another"),
            ("add MV/fixed-or-mobile to destinations.allow of trunk acme-hq, or write a line with the price of +960"
            " into the file that node.destinations names"),
        ),
        (
            NOWHERE, (),
            "the table of destinations knows no numbers that begin with +210",
            "if there are such numbers, write a line with their class into the file that node.destinations names",
        ),
        (
            TOO_LONG, says("FR"),
            "the table of destinations knows no numbers that begin with +336 and have more than 11 digits",
            "if there are such numbers, write a line with their class into the file that node.destinations names",
        ),
    ],
)  # fmt: skip
def test_a_refusal_names_the_level_and_the_key(
    world: Callable[..., Snapshot],
    outbound: Attempt,
    pbx: PeerIdentity,
    number: str,
    levels: DestinationPolicies,
    detail: str,
    remedy: str,
) -> None:
    judgement = judge_call(screen(outbound(number), pbx, world(levels)), ROOM, "r", 1.0)
    finding = judgement.findings[-1]
    assert (finding.detail, finding.remedy) == (detail, remedy)
    assert isinstance(judgement.verdict, Reject)
    # who called may be the customer's customer: no price, no level, no name
    (warning,) = (value for name, value in judgement.verdict.headers if name == "Warning")
    reason = judgement.verdict.reason
    assert warning == f'399 sbc.example.com "{reason.value}: {REASONS[reason].heard}"'
    # who does so is let pass
    trunk = world(levels).trunk("acme-hq")
    assert trunk is not None
    opened, table = follow(remedy, trunk, number, TABLE)
    again = judge_call(screen(outbound(number), pbx, world(opened.destinations, table)), ROOM, "r", 1.0)
    assert "a line" in remedy or again.verdict.reason is Reason.ADMITTED


@pytest.mark.parametrize(
    ("number", "home"), [(DE, "DE"), ("+390612345678", "IT"), (GB, "GB"), ("+18765550123", "JM")]
)
def test_ordinary_numbers_at_home_go_whether_their_price_is_known_or_not(
    world: Callable[..., Snapshot], outbound: Attempt, pbx: PeerIdentity, number: str, home: str
) -> None:
    table = TABLE | {"39": place("IT", Kind.GEOGRAPHIC, None)}
    for levels in ((), says(home, rate=300_000)):
        case = screen(outbound(number), pbx, world(levels, table, region=home))
        assert judge_call(case, ROOM, "r", 1.0).verdict.reason is Reason.ADMITTED


def test_a_price_at_home_counts_where_a_limit_is_written(
    world: Callable[..., Snapshot], outbound: Attempt, pbx: PeerIdentity
) -> None:
    """Summary: with the shipped table a Latvian node calls Latvian mobiles, which are dear from anywhere else, until a limit below their price is written; premium numbers at home stay closed."""
    riga, premium = "+37120123456", "+37190123456"
    for levels, number, reason in (
        ((), riga, GOES),
        (says("LV"), riga, GOES),
        (says("LV", rate=300_000), riga, RATE),
        (says("LV", rate=900_000), riga, GOES),
        ((), premium, Reason.CLASS_NOT_ALLOWED),
    ):
        case = screen(outbound(number), pbx, world(levels, destinations_with(""), region="LV"))
        assert judge_call(case, ROOM, "r", 1.0).verdict.reason is reason
    abroad = screen(outbound(riga), pbx, world(says("LV"), destinations_with(""), region="US"))
    assert judge_call(abroad, ROOM, "r", 1.0).verdict.reason is RATE


# 6 November 2026 is a Friday; New York leaves summer time on the 1st
@pytest.mark.parametrize(
    ("number", "outside", "at", "reason"),
    [
        (US, "nothing", datetime(2026, 11, 6, 17, 0, tzinfo=UTC), GOES),
        (US, "nothing", datetime(2026, 11, 7, 17, 0, tzinfo=UTC), Reason.OUTSIDE_HOURS),
        (US, "domestic", datetime(2026, 11, 7, 17, 0, tzinfo=UTC), GOES),
        (FR, "domestic", datetime(2026, 11, 7, 17, 0, tzinfo=UTC), Reason.OUTSIDE_HOURS),
        (US_PREMIUM, "domestic", datetime(2026, 11, 7, 17, 0, tzinfo=UTC), Reason.OUTSIDE_HOURS),
        # 07:00 and 20:00 on a wall in New York, in winter and in summer
        (FR, "nothing", datetime(2026, 11, 6, 11, 59, 59, tzinfo=UTC), Reason.OUTSIDE_HOURS),
        (FR, "nothing", datetime(2026, 11, 6, 12, 0, tzinfo=UTC), GOES),
        (FR, "nothing", datetime(2026, 11, 7, 0, 59, 59, tzinfo=UTC), GOES),
        (FR, "nothing", datetime(2026, 11, 7, 1, 0, tzinfo=UTC), Reason.OUTSIDE_HOURS),
        (FR, "nothing", datetime(2026, 10, 30, 10, 59, 59, tzinfo=UTC), Reason.OUTSIDE_HOURS),
        (FR, "nothing", datetime(2026, 10, 30, 11, 0, tzinfo=UTC), GOES),
    ],
)
def test_hours(
    verdict: Callable[..., Admit | Reject], number: str, outside: str, at: datetime, reason: Reason
) -> None:
    levels = says("US", "US/premium", "FR", at="mon-fri 07:00-20:00", outside=outside)
    assert verdict(number, levels, at.timestamp()).reason is reason


def test_an_emergency_goes_at_any_hour_and_by_any_list(
    world: Callable[..., Snapshot], outbound: Attempt, pbx: PeerIdentity
) -> None:
    policy = world(says("-", rate=0, at="mon 00:00-00:01"))
    judged = judge_call(screen(outbound("911", at=1e6), pbx, policy), ROOM, "r", 1e6)
    assert judged.verdict.reason is Reason.ADMITTED_EMERGENCY


def test_calls_to_our_own_numbers_are_no_destination(
    world: Callable[..., Snapshot], inbound: Attempt
) -> None:
    case = screen(inbound(), None, world(says("-")))
    assert judge_call(case, ROOM, "r", 1.0).verdict.reason is Reason.ADMITTED


def test_without_a_table_nothing_goes_but_emergencies(
    world: Callable[..., Snapshot], outbound: Attempt, pbx: PeerIdentity
) -> None:
    policy = world(says("US", "+1"), {})
    assert judge_call(screen(outbound(US), pbx, policy), ROOM, "r", 1.0).verdict.reason is UNKNOWN
    emergency = judge_call(screen(outbound("911"), pbx, policy), ROOM, "r", 1.0).verdict
    assert emergency.reason is Reason.ADMITTED_EMERGENCY
