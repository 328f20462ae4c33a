"""What Prometheus sees of signing certificates and lists."""

from datetime import UTC, datetime, timedelta

from trunkward.api.identity_metrics import identities
from trunkward.engines.certificate_state import IdentitiesState, IdentityState, ListState

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def values(state: IdentitiesState | None, signs: dict[str, bool] | None = None) -> dict[str, float]:
    return {
        f"{sample.name}{{{','.join(sample.labels.values())}}}": sample.value
        for family in identities(state, signs or {})
        for sample in family.samples
    }


def test_nothing_where_nobody_is_trusted() -> None:
    assert values(None) == {}


def test_what_is_known_is_told_and_the_rest_is_missing() -> None:
    one = IdentityState(
        spc="000T",
        source="acme x",
        begins=NOW,
        until=NOW + timedelta(days=1),
        revocation="revoked",
        problem="x",
    )
    found = values(
        IdentitiesState(
            at=NOW,
            trusted_list=ListState(at=NOW),
            revocations=ListState(problem="crl-signature"),
            identities={"node": one},
        )
    )
    at = NOW.timestamp()
    prefix = "trunkward_signing_certificate_"
    assert found == {
        "trunkward_list_fetched_timestamp_seconds{trusted}": at,
        "trunkward_list_failing{trusted}": 0,
        "trunkward_list_failing{revocations}": 1,
        f"{prefix}expiry_timestamp_seconds{{node}}": at + 86_400,
        f"{prefix}revoked{{node}}": 1,
        f"{prefix}problem{{node}}": 1,
    }


def test_what_nobody_knows_is_not_good() -> None:
    one = IdentityState(spc="000T", source="acme x")
    found = values(IdentitiesState(at=NOW, identities={"node": one}))
    assert found["trunkward_signing_certificate_revoked{node}"] == -1


def test_whether_its_signer_signs_is_what_the_signer_says() -> None:
    one = IdentityState(spc="000T", source="acme x", begins=NOW, until=NOW + timedelta(days=1))
    found = values(IdentitiesState(at=NOW, identities={"node": one}), {"node": False, "resold": True})
    assert found["trunkward_signing_certificate_signs{node}"] == 0
    assert found["trunkward_signing_certificate_signs{resold}"] == 1
