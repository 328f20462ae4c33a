"""Delegate certificates that evidence rests on, looked at again with each list: a bad one proves nothing."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from trunkward.engines.trust import TrustFiles
from trunkward.engines.whole_file import write_whole
from trunkward.settings import Paths
from trunkward.shaken.causes import CredentialFault
from trunkward.shaken.credential import credential_of
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Revocation


class Delegates:
    """Which of them are not good now; for the gates, in a file beside their policy."""

    def __init__(self, paths: Paths, log: Callable[..., Any]) -> None:
        """Looks at nothing yet. `log` hears of each that is not good any more, and of each that is again."""
        self._paths, self._log = paths, log
        self._file: Path = paths.bad_delegates
        self._trust: TrustFiles | None = None
        self._kind: object = None
        self._chains: Mapping[str, str] = {}
        #: Why, by id of evidence; None: nobody has looked yet.
        self.bad: dict[str, str] | None = None

    def round(self, declared: Declared | None, chains: Mapping[str, str], now: float) -> None:
        """Looks again where lists or certificates are others than before, and each minute. Raises `OSError`.

        `chains`: PEM, leaf first, by id of evidence. `now` in seconds since the epoch. Without a list of
        trusted authorities nothing is known anew, and what was found goes on.
        """
        if declared is None:
            return
        node = declared.node
        kind = (node.policy_administrator is not None, node.verification.revocation is Revocation.HARD)
        if self._trust is None or kind != self._kind:
            self._kind, administered, hard = kind, kind[0], kind[1]
            self._trust = TrustFiles(self._paths, administered=administered, hard=hard)
        if not self._trust.is_behind() and chains == self._chains and self.bad is not None:
            return
        self._trust.refresh()
        trust = self._trust.trust
        if trust is None:
            return
        found: dict[str, str] = {}
        for name, chain in chains.items():
            try:
                credential_of(chain.encode(), trust.authorities, trust.revocations, now, hard=trust.hard)
            except CredentialFault as fault:
                found[name] = str(fault)
        if found != self.bad:
            before = self.bad or {}
            # first the file: what cannot be told is found again by the next round
            write_whole(self._file, msgspec.json.encode(found), 0o640, durable=False)
            for name in found.keys() - before.keys():
                self._log(
                    "delegate certificate is not good any more: signed B", evidence=name, why=found[name]
                )
            for name in before.keys() - found.keys():
                self._log("delegate certificate is good again, or gone", evidence=name)
        self._chains, self.bad = chains, found
