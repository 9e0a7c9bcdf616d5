"""May it be released? request.py says who asks for what; facts.py informs; pdp.py decides; release.py enforces.

There is one way to a record, and it is ``release.release_record``.
"""
