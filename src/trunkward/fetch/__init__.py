"""What the node asks the world outside for, guarded: time, size, addresses."""
