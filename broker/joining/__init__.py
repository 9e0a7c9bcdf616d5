"""Partners coming aboard: an application, its sponsor, what is still missing, and leaving. No HTTP."""
