"""The whole broker of the doors' tests, for journeys."""

from tests.doors.conftest import house  # noqa: F401
