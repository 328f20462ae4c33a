"""The only room that speaks HTTP to the outside, and only as a client: guarded in size, time and where to."""
