"""Calls for these tests: a euro a minute, by the second after a first minute."""

from bench.against.traffic import Call, Channel, Family, tariff

FAMILY = Family(name="test", channels=1, destinations=(("960", 1.0),), source="")


def call(
    name: str = "c",
    number: str = "960555",
    *,
    rate: float = 1.0,
    increments: tuple[int, int] = (60, 1),
    lasts_s: float = 600.0,
    thief: bool = True,
) -> Call:
    channel = Channel(0, 0, FAMILY, increments, 0.0) if thief else None
    return Call(
        name=name, number=number, tariff=tariff(rate, increments), rings_s=3.0, wants_s=lasts_s, channel=channel
    )  # fmt: skip


class Ended(list[str]):
    """Names of calls that somebody has ended."""

    def __call__(self, call: Call) -> None:
        self.append(call.name)


def answered(one: Call, at: float) -> Call:
    one.answered_at = at
    return one


def ended(one: Call, at: float, until: float) -> Call:
    one.answered_at, one.ended_at = at, until
    return one
