"""What a change to an agreement would do, and does: impact, replay, approval, publishing, engines' reports.

Stands above the decision and changes none: a recorded decision is replayed elsewhere, and never releases anything.
"""
