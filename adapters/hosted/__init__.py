"""A source the broker keeps for an organisation with no system of its own: theirs, sealed, theirs to take or delete.

The broker's own database holds nothing of it, and nothing here decides who may see what one holds.
"""
