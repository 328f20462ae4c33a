"""One function per act or question of a person; pure: time, identity and chance come as arguments."""
