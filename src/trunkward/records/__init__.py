"""Decision records and outcomes: what is kept of every call, and the form it has on disk."""
