"""What people and organisations are told: a notice is kept in the transaction of the act it tells of, then delivered.

A notice carries codes, never clinical words: it may be read over somebody's shoulder.
"""
