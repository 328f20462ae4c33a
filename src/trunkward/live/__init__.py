"""What all nodes agree on while calls are set up: Valkey (or Redis), its function library, and those who ask it."""
