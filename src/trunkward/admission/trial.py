"""Judging without calling: what a policy would say to a call, with everything alive taken as it should be.

Nothing is asked, recorded, signed or sent. Who the caller is, is given, not proved.
"""

import base64
from copy import replace
from dataclasses import dataclass

from trunkward.admission.judge import Judgement, judge_call
from trunkward.admission.limits import asked_of
from trunkward.admission.ports import (
    NO_FACTS,
    NOTHING_ASKED,
    Charge,
    Facts,
    Held,
    Over,
    OverSpend,
    Share,
    Signature,
    Unverified,
    VerificationFact,
)
from trunkward.admission.screen import Case, leg_policy, read
from trunkward.admission.snapshot import Snapshot
from trunkward.admission.verified import NO_IDENTITY, called_as
from trunkward.calls.attempt import CallAttempt, Transport
from trunkward.media.suites import ALLOWED, KEY_BYTES
from trunkward.shaken.attest import Attestation
from trunkward.shaken.causes import Cause, StirError
from trunkward.shaken.received import SHAKEN
from trunkward.shaken.verify import Judged, Verification, Verstat
from trunkward.trunks.model import Carrier, MediaPolicy, NodeSettings, Trunk
from trunkward.trunks.spending import Window

#: No call has it.
_ID = "0" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A call that nobody places."""

    #: The trunk it would come from, or the carrier.
    source: Trunk | Carrier
    #: As they would be sent: in the user part of From, and of the Request-URI.
    calling: str
    called: str
    #: Seconds since the epoch.
    at: float
    #: A, B or C. Of a trunk: what it supplies in `Attestation-Info`. Of a carrier: what another provider has
    #: signed it at, `BAD` with a signature that is not good; "": unsigned.
    level: str = ""


#: In place of the level of a call from a carrier.
BAD = "bad"


def judge_trial(trial: Trial, policy: Snapshot) -> Judgement:
    """The judgement such a call would get from this policy.

    1. An INVITE of that side, with an offer it would be accepted with.
    2. Read as if its sender had been identified.
    3. Judged with room in every limit that allows anything, the clock right and a signature at hand.
    """
    # 1.
    attempt = _attempt(trial, policy.node)
    # 2.
    case = read(attempt, None, trial.source, policy)
    # 3.
    return judge_call(case, _facts(case, policy, trial), _ID, trial.at)


def _attempt(trial: Trial, node: NodeSettings) -> CallAttempt:
    trunk = isinstance(trial.source, Trunk)
    transport = Transport.TLS if isinstance(trial.source, Trunk) else trial.source.transport
    secure = transport is Transport.TLS
    here = str(node.address)
    networks = trial.source.networks
    return CallAttempt(
        id=_ID,
        at=trial.at,
        source_ip=str(networks[0].network_address) if networks else here,
        source_port=5061 if secure else 5060,
        transport=transport,
        local_ip=here,
        local_port=node.tls_port if secure else node.plain_port,
        ruri=f"sip:{trial.called}@{node.name}",
        from_uri=f"sip:{trial.calling}@{'pbx' if trunk else 'carrier'}.invalid",
        to_uri=f"sip:{trial.called}@{node.name}",
        call_id=_ID,
        from_tag=_ID,
        content_type="application/sdp",
        headers={"attestation-info": [trial.level]} if trunk and trial.level else {},
        body=_offer(trial.source, node),
    )


def _offer(source: Trunk | Carrier, node: NodeSettings) -> str:
    """An offer of one audio stream that this side may send."""
    policy = leg_policy(source, node)
    address = node.media_addresses[0]
    lines = ["v=0", f"o=- 1 1 IN IP{address.version} {address}", "s=-", f"c=IN IP{address.version} {address}"]
    if policy.media is MediaPolicy.RTP:
        media = ["m=audio 40000 RTP/AVP 8"]
    else:
        suite = next((name for name in policy.suites if name in ALLOWED), ALLOWED[0])
        key = base64.b64encode(bytes(KEY_BYTES[suite])).decode()
        media = ["m=audio 40000 RTP/SAVP 8", f"a=crypto:1 {suite} inline:{key}"]
    return "".join(f"{line}\r\n" for line in (*lines, "t=0 0", *media))


def _facts(case: Case, policy: Snapshot, trial: Trial) -> Facts:
    at = trial.at
    facts = replace(NO_FACTS, live=_room(case, policy))
    if isinstance(trial.source, Carrier):
        facts = replace(facts, verification=_verified(case, trial.level))
    if case.signing_request is None:
        return facts
    signed = Signature(identities=("none",), date="none", iat=int(at), attest=case.signing_request.level)
    return replace(facts, signature=signed, clock_synchronised=True)


def _verified(case: Case, level: str) -> VerificationFact:
    """What would have been found of a call with such a signature."""
    if not level:
        return Unverified(why=NO_IDENTITY)
    if level == BAD:
        error = StirError(
            cause=Cause.SIGNATURE, text="not signed with the certificate's key, or changed since"
        )
        return Verification(outcome=Verstat.FAILED, passports=(Judged(SHAKEN, error),))
    return Verification(
        outcome=Verstat.PASSED,
        attest=Attestation(level),
        orig=called_as(case).orig[0],
        passports=(Judged(SHAKEN, None),),
    )


def _room(case: Case, policy: Snapshot) -> Held | Over | OverSpend:
    """What is free is not asked; where nothing, or less than a call costs, is allowed at all, nothing is."""
    for counter in asked_of(case, policy, _ID).counters:
        if counter.most == 0:
            return Over(key=counter.key, most=0, retry_after_s=None)
    return _money(case.charge) if case.charge is not None else NOTHING_ASKED


def _money(charge: Charge) -> Held | OverSpend:
    """With nothing spent yet."""
    over = {share.owner: _over(share) for share in charge.shares}
    carriers = [share.owner for share in charge.shares if share.carrier]
    cut = [owner for owner in carriers if over[owner] is not None]
    for owner, spent in over.items():
        if spent is not None and (owner not in cut or len(cut) == len(carriers)):
            return spent
    return Held(record_id=_ID, reserved=True, cut_routes=tuple(cut))


def _over(share: Share) -> OverSpend | None:
    for window in Window:
        cap = share.caps.cap(window)
        if cap is not None and share.slice_micro > cap:
            return OverSpend(
                owner=share.owner,
                window=window,
                cap_micro=cap,
                settled_micro=0,
                granted_micro=0,
                retry_after_s=None,
            )
    return None
