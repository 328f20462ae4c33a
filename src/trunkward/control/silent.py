"""What nobody would notice of a file until calls or proofs are gone: sentences for who is about to agree.

1. Ways in which it is less safe than what is in force: new deviations.
2. Proofs that are deleted by a shorter time, for good.
3. Announcements that nobody plays.
4. A third party's calls that nothing is signed for.
5. Resellers whose calls are signed under the TEST authority of a node that has a real certificate.
"""

from collections.abc import Iterator

from trunkward.control.deviations import deviations
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates
from trunkward.trunks.verification import Failed

#: Deviations told one by one; `./trunkward status` has all of those in force.
_MOST = 12


def silent(old: Declared | None, new: Declared) -> tuple[str, ...]:
    """A sentence for each; of what was so before nothing is said again. `old` None: nothing was."""
    before = set(_standing(old)) if old is not None else set()
    return (
        *_deleted(old, new),
        *(said for said in _standing(new) if said not in before),
        *_deviating(old, new),
    )


def _deviating(old: Declared | None, new: Declared) -> Iterator[str]:
    before = set(deviations(old)) if old is not None else set()
    found = [one for one in deviations(new) if one not in before]
    for one in found[:_MOST]:
        yield f"deviates from the secure default: {one.where}: {one.what}"
    if len(found) > _MOST:
        yield f"{len(found) - _MOST} more deviations: ./trunkward status names those in force"


def _deleted(old: Declared | None, new: Declared) -> Iterator[str]:
    if old is None:
        return
    was, now = old.retention.signatures_days, new.retention.signatures_days
    if now < was:
        yield (
            f"signature_retention falls from {was} to {now} days: the proof of what was signed before that is"
            " deleted, and nothing brings it back"
        )


def _standing(declared: Declared) -> Iterator[str]:
    yield from _unheard(declared)
    supplied = {trunk.reseller for trunk in declared.trunks if trunk.supplies_levels}
    real = declared.node.signing.certificates is not Certificates.TEST
    for name, its in sorted(declared.reseller_identities.items()):
        if its.third_party and name not in supplied:
            yield (
                f"reseller {name} has identity.third_party, and none of its trunks supplies_levels: nothing"
                " is signed for its calls"
            )
        if real and its.signing.certificates is Certificates.TEST:
            yield (
                f"reseller {name} says nothing of identity.certificates: its calls are signed under this"
                " node's TEST authority, which no carrier trusts"
            )


def _unheard(declared: Declared) -> Iterator[str]:
    if declared.node.announcements:
        return
    senders = [("carrier", one.name, one.verification) for one in declared.carriers]
    senders += [("trunk", one.name, one.verification) for one in declared.trunks]
    for kind, name, policy in senders:
        if policy.failed is Failed.ANNOUNCE:
            yield (
                f"{kind} {name} has verification.failed: announce, and there is no node.announcements: calls"
                " are refused without a word"
            )
