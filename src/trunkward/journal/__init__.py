"""The journal of acts: a hash chain that shows when an entry was changed, removed or put in."""
