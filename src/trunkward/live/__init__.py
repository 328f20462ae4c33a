"""What all nodes agree on while calls are set up: Valkey's function library, and those who ask it."""
