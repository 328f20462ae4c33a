"""Personal data in a journal that is never changed: the line commits to it, and it can still be deleted.

A line holds, for each such value, the SHA-256 of a salt and the value; the value and its salt lie elsewhere,
by day. While they are there, anybody can check that they are what was written (`opens`). When their time is
over they are deleted, and what is left in the line tells nothing: whoever does not know the salt cannot try
numbers.
"""

from hashlib import sha256

SALT_BYTES = 16


def commitment(salt: bytes, name: str, value: str) -> str:
    """Lower-case hex. With the value's name in it, the commitment to a caller is none to a callee."""
    return sha256(salt + name.encode() + b"\0" + value.encode()).hexdigest()


def opens(commit: str, salt_hex: str, name: str, value: str) -> bool:
    """Whether this salt and this value are what a line committed to."""
    try:
        salt = bytes.fromhex(salt_hex)
    except ValueError:
        return False
    return len(salt) == SALT_BYTES and commitment(salt, name, value) == commit
