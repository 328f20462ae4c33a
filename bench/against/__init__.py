"""Ways of bounding what a trunk can cost, on the same simulated calls (`./trunkward bench losses`)."""
