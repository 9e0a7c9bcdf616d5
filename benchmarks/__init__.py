"""The numbers the README states, measured again by one command: ``make bench``, or ``python -m benchmarks.<name>``.

Synthetic residents and loopback sources only. A benchmark compares with a target and says whether it is met.
"""
