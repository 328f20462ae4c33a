"""What a node asks of the kernel it runs on."""

from pathlib import Path

#: How many datagrams a unix socket queues, of this network namespace. Kamailio's worker groups are such
#: queues: with the kernel's own 10 a short burst of calls is refused though workers are free again at once.
QUEUE = Path("/proc/sys/net/unix/max_dgram_qlen")
#: What systemd sets at boot. A namespace or a container of its own starts with the kernel's.
ROOM = 512


def make_room(queue: Path = QUEUE) -> str:
    """Lets unix datagram sockets queue as much as under systemd. What to say of it, "" for nothing."""
    try:
        if int(queue.read_text(encoding="ascii")) < ROOM:
            queue.write_text(str(ROOM), encoding="ascii")
    except (OSError, ValueError) as problem:
        return f"net.unix.max_dgram_qlen stays below {ROOM}: short bursts of calls may be refused ({problem})"
    return ""
