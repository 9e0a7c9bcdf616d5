"""Who is who: organisations, people, teams, residents, partner systems, and who has a relationship with whom.

Knows nothing of HTTP and decides nothing.
"""
