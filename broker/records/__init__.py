"""From sources to a view: ask, label, assemble, withhold. Pure: no database, no HTTP framework, no policy.

source.py says what a source system is; collect.py asks several at once, to a deadline, and resting.py leaves alone one
that keeps failing. labels.py finds what is sensitive: own_labels.py in one entry, spreading.py in what is linked with
it. sameness.py joins what tells of one thing: likeness.py says what is compared, setting_apart.py what keeps apart.
contradictions.py says where sources disagree; whereabouts.py takes out where somebody is, of those whom the national
register flags; view.py assembles and withholds.
"""
