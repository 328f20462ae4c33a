"""The gate's pure line: screen, gather, checks, judge, posture."""
