"""One synthetic London place, made from a seed: who lives there, who works there, and what each system would hold.

Everything about a resident is a pure function of (seed, index), so nothing is stored and any resident of a million
can be asked about at once. Never reads a clock, a file or a network.
"""
