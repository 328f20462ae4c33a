"""Background work: compiling the policy, shipping records. Each job is a function of ports and time."""
