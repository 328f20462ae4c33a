"""What a process remembers of its connections: some bytes at most, whatever peers would have it remember."""


class Bounded[K, V]:
    """Values by key; when there is no room for one more, all are forgotten: they can be read again."""

    def __init__(self, most_bytes: int) -> None:
        """Knows nothing yet."""
        self._most = most_bytes
        self._values: dict[K, V] = {}
        self._bytes = 0

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._values)

    def get(self, key: K) -> V | None:
        """The value, None where it is not remembered."""
        return self._values.get(key)

    def put(self, key: K, value: V, size: int) -> None:
        """Remembers a value of some `size` in bytes, under a key that has none."""
        if self._bytes + size > self._most:
            self._values.clear()
            self._bytes = 0
        self._values[key] = value
        self._bytes += size
