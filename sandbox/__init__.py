"""A synthetic London place to try the broker in: its residents, its partners' systems, and how both are enrolled.

Nobody here is real and no organisation here exists. The broker never needs this package to run.
"""
