"""The command line: thin doors, no decisions."""
