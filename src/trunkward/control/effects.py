"""What a change of configuration does to a running node, part by part, and what that does to calls."""

from dataclasses import dataclass

#: What calls notice when a part is restarted; the gates are one entry.
MEANS = {
    "kamailio": "calls being set up are lost, running calls go on",
    "rtpengine": "running calls lose their media",
    "signer": "calls go unsigned until it is back",
    "fetcher": "calls in go unverified until it is back, if their certificate is new",
    "worker": "calls notice nothing",
    "web": "calls notice nothing",
    "valkey": "calls out are refused until it is back",
    "acme": "calls notice nothing",
    "certificates": "calls notice nothing",
    "identities": "calls notice nothing",
    "gate": "one after the other: calls notice nothing while another gate answers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What putting a configuration in force does to the node's processes."""

    #: False: no node runs here; everything takes effect at the next `up`.
    running: bool = True
    #: Gates and edge take it while they run.
    reload: bool = False
    restart: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """In one word, for programs: nothing, next-up, reload or restart."""
        if not self.running:
            return "next-up"
        if self.restart or self.stop:
            return "restart"
        return "reload" if self.reload or self.start else "nothing"

    def lines(self) -> list[str]:
        """For people, the worst first."""
        if not self.running:
            return ["no node runs here: it takes effect at the next ./trunkward up"]
        said = [*self.asked_about(), *(f"starts {part}" for part in self.start)]
        if self.reload and said:
            said.append("gates and edge take the rest while they run")
        elif self.reload:
            said.append("gates and edge take it while they run: running calls notice nothing")
        return said or ["nothing that runs is touched"]

    def asked_about(self) -> list[str]:
        """Of these what a person has to agree to: restarts and stops."""
        restarts = [f"restarts {part}: {MEANS[part.partition('-')[0]]}" for part in self.restart]
        return restarts + [f"stops {part}" for part in self.stop]
