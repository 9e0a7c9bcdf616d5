"""Providers that people sign in with, and what each of them says of somebody. Verifies; speaks to nobody itself."""
