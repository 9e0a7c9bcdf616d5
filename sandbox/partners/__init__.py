"""The partner systems of the sandbox: separate processes on loopback that speak the protocols real partners speak.

For demonstrations, tests and benchmarks. They are started by an explicit command, refuse any address but loopback,
and hold no shortcut into the broker's database: the broker meets them as it would meet any other system.
"""
