"""From sources to a view: ask, label, assemble, withhold. Pure: no database, no HTTP framework, no policy.

source.py says what a source system is; collect.py asks several at once, to a deadline; labels.py finds what is
sensitive; view.py assembles and withholds.
"""
