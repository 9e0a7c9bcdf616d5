"""What a token may be used for. A scope opens a route; whether a record is released is decided live, by policy."""

SCOPES: dict[str, str] = {
    "residents.find": "Look for a resident by two identifiers",
    "access.request": "Ask a resident for permission, and see the answer",
    "records.read": "Ask for sections of a record",
    "own.read": "See who may see, and who looked at, your own record",
    "own.change": "Answer requests, and give, narrow or stop sharing",
}
PARTNER_SCOPES = ("residents.find", "access.request", "records.read")
RESIDENT_SCOPES = ("own.read", "own.change")


def for_resident(scopes: str) -> bool:
    """Whether every one of these is for a resident's own use of their record."""
    return bool(scopes) and set(scopes.split()) <= set(RESIDENT_SCOPES)


def for_partner(scopes: str) -> bool:
    """Whether every one of these is for an organisation's use."""
    return bool(scopes) and set(scopes.split()) <= set(PARTNER_SCOPES)
