"""One place to scrape: the node's own gauges, Kamailio's and rtpengine's numbers, and what each part counts.

Every sample that is one part's has the label `part`. Nothing has a label whose values callers, trunks or
calls choose: how many series there are depends on the version and on `node.gates`.
"""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trunkward.admission.posture import Lost
from trunkward.api.engine_metrics import gauge, kamailio, rtpengine, valkey
from trunkward.api.identity_metrics import identities
from trunkward.api.look import View
from trunkward.control.certificate_troubles import FROM_ELSEWHERE
from trunkward.control.health import Health
from trunkward.control.health_facts import CertificateOf
from trunkward.engines.exporter import BUILD, new_registry
from trunkward.engines.signing_now import told
from trunkward.settings import identity_of

#: This process' own (`process_...`).
_own = new_registry()


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def exposition(view: View) -> bytes:
    """All of it, as Prometheus reads it."""
    parts = {name: numbers.families for name, numbers in view.seen.parts.items()}
    return generate_latest(
        _Families(
            [
                *merged(parts | {"web": tuple(_own.collect()), **_versions(view)}),
                *_node(view.health),
                *_answers(view),
                *identities(view.identities, _signs(view)),
                *kamailio(view.seen.kamailio, view.health.facts.now),
                *rtpengine(view.seen.rtpengine),
                *valkey(view.seen.valkey),
            ]
        )
    )


def _signs(view: View) -> dict[str, bool]:
    """By identity, whether its signer signs."""
    seen = view.seen
    return {
        identity_of(name): name in seen.parts and not told(seen.parts[name]).why_not for name in seen.signers
    }


def merged(parts: Mapping[str, Iterable[Metric]]) -> list[Metric]:
    """The families of several parts, each sample labelled with its part; a family of several stands once."""
    found: dict[str, Metric] = {}
    for part, families in parts.items():
        for family in families:
            into = found.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            if into.type != family.type:
                continue  # two versions that disagree: Prometheus would refuse all of it
            for sample in family.samples:
                into.samples.append(sample._replace(labels={**sample.labels, "part": part}))
    return list(found.values())


def _versions(view: View) -> dict[str, tuple[Metric, ...]]:
    """The versions of the engines, in the form Python parts tell theirs."""
    found = {}
    for part in view.health.facts.parts:
        if part.version and part.name not in view.seen.parts:
            build = GaugeMetricFamily(BUILD, "1; the label is the version.", labels=["version"])
            build.add_metric([part.version], 1)
            found[part.name] = (build, *(_own.collect() if part.name == "web" else ()))
    return found


def _labelled(name: str, words: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for its, value in values.items():
        family.add_metric([its], value)
    return family


def _node(found: Health) -> Iterator[Metric]:
    facts, clock = found.facts, found.facts.clock
    yield gauge("trunkward_node_ready", "1 while the node can take calls.", found.ready)
    yield _labelled(
        "trunkward_node_lost",
        "1 while the node is in this row of the posture table.",
        "lost",
        # of DNS the fetcher hears, call by call: trunkward_fetcher_fetches_total{result="dns-failed"}
        {str(lost): lost in found.lost for lost in Lost if lost is not Lost.DNS},
    )
    yield gauge(
        "trunkward_node_blocked", "1 while the node cannot take calls, a drain not counted.", found.blocked
    )
    yield gauge("trunkward_node_draining", "1 while the node is drained.", facts.drain is not None)
    yield gauge(
        "trunkward_node_restored_unconfirmed",
        "1 while nobody has confirmed the evidence that a backup brought back.",
        facts.restored is not None,
    )
    yield gauge(
        "trunkward_evidence_unsound",
        "Evidence, verified numbers, holds and raises not as they were journaled.",
        len(facts.unsound),
    )
    yield gauge(
        "trunkward_evidence_retention_failing",
        "1 while evidence whose time is over is not deleted, or nobody looks for it.",
        facts.retention_fails,
    )
    yield gauge(
        "trunkward_journals_changed",
        "1 while the journals are not as they were written, by the last look.",
        facts.verified is not None and facts.verified.changed,
    )
    yield gauge(
        "trunkward_journals_not_verified",
        "1 while nobody has found them as they were written for too long.",
        facts.verifying_fails,
    )
    if facts.verified is not None and facts.verified.good_at:
        yield gauge(
            "trunkward_journals_verified_timestamp_seconds",
            "When the journals were found as they were written.",
            facts.verified.good_at,
        )
    yield gauge("trunkward_node_troubles", "What is not as it should be.", len(found.troubles))
    yield gauge("trunkward_node_deviations", "Deviations from the secure default.", len(facts.deviations))
    yield gauge("trunkward_node_policy_version", "Version of the policy in force.", facts.policy_version)
    yield _labelled(
        "trunkward_part_ready",
        "1 while this part answers as it should.",
        "part",
        {part.name: part.name not in found.not_ready for part in facts.parts},
    )
    yield _labelled(
        "trunkward_part_start_timestamp_seconds",
        "When this part was started.",
        "part",
        {part.name: part.since for part in facts.parts if part.since is not None},
    )
    if clock.synchronised is not None:
        yield gauge(
            "trunkward_clock_synchronised",
            "1 while the kernel calls the clock synchronised.",
            clock.synchronised,
        )
    for name, words, value in (
        ("offset", "What is still to be slewed away.", clock.offset_s),
        (
            "estimated_error",
            "How far off the clock is, as its discipline estimates.",
            clock.estimated_error_s,
        ),
        ("maximum_error", "How far off the clock may be.", clock.maximum_error_s),
    ):
        if value is not None:
            yield gauge(f"trunkward_clock_{name}_seconds", words, value)
    first: dict[CertificateOf, float] = {}
    for certificate in facts.certificates:
        if certificate.until is not None:
            until = certificate.until.timestamp()
            first[certificate.of] = min(first.get(certificate.of, until), until)
    yield _labelled(
        "trunkward_certificate_expiry_timestamp_seconds",
        "When the first certificate of this kind ends.",
        "certificate",
        {str(of): until for of, until in first.items()},
    )
    yield gauge(
        "trunkward_certificates_unreadable",
        "Certificates that cannot be read.",
        sum(
            certificate.until is None and certificate.of not in FROM_ELSEWHERE
            for certificate in facts.certificates
        ),
    )
    yield gauge(
        "trunkward_certificates_not_renewed",
        "Certificates from elsewhere that are missing, or whose renewal fails or is late.",
        sum(bool(certificate.late) for certificate in facts.certificates),
    )
    yield _labelled(
        "trunkward_space_free_bytes",
        "Room left where the node writes.",
        "place",
        {place.what: place.free_bytes for place in facts.space},
    )
    yield _labelled(
        "trunkward_space_size_bytes",
        "Room there is where the node writes.",
        "place",
        {place.what: place.size_bytes for place in facts.space},
    )


def _answers(view: View) -> Iterator[Metric]:
    took = {name: took_s for name, took_s in view.seen.took_s.items() if name != "kamailio-numbers"}
    yield _labelled("trunkward_part_answer_seconds", "How long this part took to answer.", "part", took)
