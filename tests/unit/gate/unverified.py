"""A gate's verification that has no list of trusted authorities: calls from carriers go unverified."""

from pathlib import Path
from types import SimpleNamespace

from trunkward.engines.fetcher_client import FetcherClient
from trunkward.gate.verification_counts import VerificationCounts
from trunkward.gate.verifying import Verifying


def unverified() -> Verifying:
    """Such a one; nobody is asked."""
    clock = SimpleNamespace(synchronised=lambda: True)
    return Verifying(
        FetcherClient(Path("/nowhere")), SimpleNamespace(trust=None), clock, VerificationCounts()
    )
