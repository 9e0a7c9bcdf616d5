"""Signing in with the broker itself: passkeys, one-time codes, and the invitation that begins it. No HTTP."""
