"""What standards ask of the broker, row by row, and which test shows each. ``CONFORMANCE.md`` is written from here."""
