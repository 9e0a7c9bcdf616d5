"""The trail: what was decided, released and changed, in a tree that anyone can verify.

log.py and proofs.py are the pure tree (RFC 6962); leaf.py says what an entry commits to; trail.py appends and reads;
checkpoints.py signs; export.py takes the trail out, and verify.py checks it from outside, without a database.
"""
