"""The resident's choices: what they permit, what they withhold, and what they were asked."""
