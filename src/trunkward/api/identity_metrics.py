"""What the process that speaks with the authorities of SHAKEN says of itself, for Prometheus."""

from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from trunkward.engines.certificate_state import IdentitiesState

_PREFIX = "trunkward_signing_certificate_"


def identities(state: IdentitiesState | None, signs: Mapping[str, bool]) -> Iterator[Metric]:
    """Of each identity and of the two lists; names without values where nobody says whom to trust.

    `signs`: by identity, whether its signer says that it signs.
    """
    lists = {"trusted": state.trusted_list, "revocations": state.revocations} if state else {}
    fetched = GaugeMetricFamily(
        "trunkward_list_fetched_timestamp_seconds", "When the list in force was fetched.", labels=["list"]
    )
    failing = GaugeMetricFamily(
        "trunkward_list_failing", "1 while no newer list can be had.", labels=["list"]
    )
    for name, one in lists.items():
        if one.at is not None:
            fetched.add_metric([name], one.at.timestamp())
        failing.add_metric([name], bool(one.problem))
    yield fetched
    yield failing
    ends = _of_identities("expiry_timestamp_seconds", "When the certificate in use ends, or ended.")
    renewal = _of_identities("renewal_timestamp_seconds", "When the next one is asked for.")
    found = _of_identities("found_timestamp_seconds", "When it was last found where it is published.")
    revoked = _of_identities("revoked", "1 when a revocation list has it; -1 when nobody knows.")
    problem = _of_identities("problem", "1 while something is wrong with it, or with its renewal.")
    for name, its in (state.identities if state else {}).items():
        for family, at in ((ends, its.until or its.ended), (renewal, its.next_attempt), (found, its.found)):
            if at is not None:
                family.add_metric([name], at.timestamp())
        revoked.add_metric([name], {"good": 0, "revoked": 1}.get(its.revocation, -1))
        problem.add_metric([name], bool(its.problem))
    signing = _of_identities("signs", "1 while its signer signs with it, 0 while calls go unsigned.")
    for name, its_signer in signs.items():
        signing.add_metric([name], its_signer)
    yield from (ends, renewal, found, revoked, problem, signing)


def _of_identities(name: str, words: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, words, labels=["identity"])
