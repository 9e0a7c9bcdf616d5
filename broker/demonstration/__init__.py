"""A synthetic neighbourhood, its partner systems and the broker, on one machine, for looking and trying.

The only room that knows the sandbox. Nothing here is reached by a broker that serves real people.
"""
