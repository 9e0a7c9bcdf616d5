"""The house of the doors' tests, with partners' systems registered in it."""

from tests.oauth.conftest import fapi, house, other  # noqa: F401
