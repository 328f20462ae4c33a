"""What a person is told of secrets beside themselves."""

from trunkward.cli.secret import entered_and_ended
from trunkward.trunks.secret import SealedSecret, SecretChange

NOW = 1_800_000_000.0


def _secret(number: int, until: float | None = None) -> SealedSecret:
    return SealedSecret(
        id=number,
        trunk="acme-hq",
        username="acme",
        realm="sbc.example.com",
        key_id="k",
        sha256=b"",
        until=until,
    )


def test_what_to_enter_and_what_becomes_of_the_others() -> None:
    held = [_secret(4), _secret(2, NOW + 3600)]
    change = SecretChange(act="rotate", trunk="acme-hq", added=_secret(0), ends={4: NOW + 7200, 2: NOW})
    assert list(entered_and_ended(change, held, NOW)) == [
        "in the PBX: username acme, realm sbc.example.com",
        "the one before, of version 4, is good until 2027-01-15 10:00:00 UTC",
        "that of version 2, which was to be good until 2027-01-15 09:00:00 UTC, has ended now",
    ]


def test_an_overlap_of_nothing_ends_the_one_before() -> None:
    change = SecretChange(act="rotate", trunk="acme-hq", added=_secret(0), ends={4: NOW})
    assert list(entered_and_ended(change, [_secret(4)], NOW))[1:] == ["that of version 4 has ended now"]
