"""What the node asks the world outside for, as a client: HTTP and DNS, guarded in size, time and where to."""
