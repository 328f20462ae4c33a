"""The facts of one call: what was attempted, what was decided, what came of it."""
