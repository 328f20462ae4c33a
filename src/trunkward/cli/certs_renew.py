"""`trunkward certs renew`: a person does not wait for the next try, and hears what came of his."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console

from trunkward.cli.changing import is_root
from trunkward.cli.identity_lines import asked, lines
from trunkward.cli.said import complain
from trunkward.cli.status import read_in_force
from trunkward.control.node_file import NodeFileRefused
from trunkward.engines.certificate_state import IdentitiesState, read_state
from trunkward.engines.identity_task import identities_of
from trunkward.engines.probes import lives
from trunkward.engines.signing_now import SigningNow
from trunkward.engines.whole_file import write_private
from trunkward.settings import Paths
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates

#: Seconds an order may take until a person is told to look later: the authority looks at tokens and chains.
_WITHIN_S = 180.0
_STEP_S = 0.2
#: Seconds a signer has to take over what was issued.
_TAKEN_OVER_S = 5.0


def run(paths: Paths, within_s: float = _WITHIN_S, sleep: Callable[[float], None] = time.sleep) -> int:
    """0: each has a certificate, no problem, and its signer signs; 1: one does not; 2: nobody was asked."""
    if not is_root("certs renew"):
        return 2
    in_force = read_in_force(paths)
    if in_force is None:
        return 2
    try:
        declared = in_force.declared()
    except NodeFileRefused as refused:
        complain(f"{paths.declared}: this version does not understand the configuration in force: {refused}")
        return 2
    ordered = [
        name
        for name, (_, _, source) in identities_of(declared).items()
        if source.certificates is Certificates.ACME
    ]
    if not ordered:
        complain(
            "no certificate of this node is asked for by ACME: whoever issues its certificates renews them"
        )
        return 2
    try:
        lives(paths.sign_of_life("identities"))
    except OSError as problem:
        complain(f"the process that asks for certificates does not run: {problem}")
        return 2
    wish = str(time.time_ns())
    write_private(paths.identities_renew, wish, "root", "tw-identity")
    state = _answered(paths, wish, within_s, sleep)
    if state is None:
        complain(f"no answer within {within_s:.0f} s; it goes on: ./trunkward certs says how it stands")
        return 1
    stand = {name: state.identities.get(name) for name in ordered}
    usable = [name for name, one in stand.items() if one is not None and one.lifetime is not None]
    signers = _taken_over(declared, paths, usable, sleep)
    console = Console(highlight=False, soft_wrap=True)
    for line in lines(declared, paths, datetime.now(UTC), signers):
        console.print(line)
    if any(name in signers and signers[name].why_not for name in ordered):
        return 1
    return 1 if any(one is None or one.problem or one.lifetime is None for one in stand.values()) else 0


def _taken_over(
    declared: Declared, paths: Paths, usable: list[str], sleep: Callable[[float], None]
) -> dict[str, SigningNow]:
    """What signers say, once those whose certificate is there have looked (`signer.server.AWAITED_S`)."""
    until = time.monotonic() + _TAKEN_OVER_S
    while True:
        signers = asked(declared, paths)
        waits = any(name in signers and signers[name].why_not for name in usable)
        if not waits or time.monotonic() > until:
            return signers
        sleep(_STEP_S)


def _answered(
    paths: Paths, wish: str, within_s: float, sleep: Callable[[float], None]
) -> IdentitiesState | None:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        state = read_state(paths.identities_state, IdentitiesState)
        if state is not None and state.renewed == wish:
            return state
        sleep(_STEP_S)
    return None
