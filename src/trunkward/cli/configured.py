"""What the versions of this node say of its calls: read, and their journal followed, once for all questions.

Pages of `why` and answers to traceback requests are made of it. Of several nodes with one database of records
each has its own versions: record 17 of one is not record 17 of another, nor is version 18.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import Any

from trunkward.cli.changing import configuration_store
from trunkward.control.configuration import HistoryBroken
from trunkward.control.evidence_journal import Acts, acts_of
from trunkward.control.node_file import NodeFileRefused, accept_node_file, read_node_file
from trunkward.control.sound_journal import sound_journal
from trunkward.journal.chain import Entry
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration, TextDamaged
from trunkward.trunks.evidence import EvidenceRecord
from trunkward.trunks.model import Declared


class Configured:
    """The versions as they are at one moment."""

    def __init__(self, store: SqlConfiguration, *, shared: bool) -> None:
        """`shared`: others may have their calls in the database of records, too."""
        self._store, self._shared = store, shared
        #: What is wrong with their journal; "": nothing. Then it has no entries here.
        self.problem = ""
        self.entries: list[Entry] = []
        try:
            self.entries = sound_journal(store)
        except HistoryBroken as broken:
            self.problem = str(broken)
        self.versions = {version.number: version for version in store.versions()}
        self._texts: dict[int, str | None] = {}

    @cached_property
    def evidence(self) -> list[EvidenceRecord]:
        """All records of evidence, as they stand in the database."""
        return list(self._store.evidence())

    @cached_property
    def acts(self) -> Acts:
        """What the journal says of evidence."""
        return acts_of(self.entries)

    def tenant(self, number: int, name: str) -> Mapping[str, Any]:
        """A tenant by a version's node file, whose hash is journaled; the objects beside it are not.

        {}: there is none, or it cannot be read.
        """
        try:
            return _tenants(text).get(name, {}) if (text := self._text(number)) else {}
        except NodeFileRefused:
            return {}

    def role(self, number: int, trunk: str) -> str:
        """Whose calls a trunk brought by a version; "": that is not proven. By its node file, too."""
        declared = None if self.problem else self._declared(number)
        return next((one.role.value for one in declared.trunks if one.name == trunk), "") if declared else ""

    def other_node(self, call: Mapping[str, Any]) -> str:
        """The node whose call it is, where that is another one; "": it is this one's, or nobody can say.

        This one is called what it is called now, or was when the call was judged.
        """
        name = call.get("node") or ""
        if not (self._shared and name):
            return ""
        numbers = (max(self.versions, default=0), call.get("policy_version", 0))
        ours = {its.node.ledger_name for number in numbers if (its := self._declared(number))}
        return name if ours and name not in ours else ""

    def _declared(self, number: int) -> Declared | None:
        try:
            return _read(text) if (text := self._text(number)) else None
        except NodeFileRefused:
            return None

    def _text(self, number: int) -> str | None:
        if number not in self._texts:
            version = self.versions.get(number)
            try:
                self._texts[number] = self._store.text(version) if version else None
            except TextDamaged:
                self._texts[number] = None
        return self._texts[number]


@contextmanager
def configured(paths: Paths) -> Iterator[Configured]:
    """An exit where they cannot be had, which has been said."""
    with configuration_store(paths, make=False) as store:
        yield Configured(store, shared=bool(paths.database))


@lru_cache(maxsize=4)  # an answer to a traceback asks for every call of its time
def _tenants(text: str) -> Mapping[str, Mapping[str, Any]]:
    return accept_node_file(text, "a version").objects.get("tenants", {})


@lru_cache(maxsize=4)
def _read(text: str) -> Declared:
    return read_node_file(text, "a version")
