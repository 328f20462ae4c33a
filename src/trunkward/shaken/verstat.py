"""The `verstat` parameter (3GPP TS 24.229 section 7.2A.20) in and out of header text."""


def strip(value: str) -> str:
    """A From, P-Asserted-Identity or tel header value without any `verstat`, wherever it was put."""
    raise NotImplementedError


def place(value: str, verstat: str) -> str:
    """The value with `verstat` once, in the user part of its (first) URI. Raises `ValueError` without a URI."""
    raise NotImplementedError
