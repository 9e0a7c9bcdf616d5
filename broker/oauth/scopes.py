"""What a token may be used for. A scope opens a route; whether a record is released is decided live, by policy."""

from broker.oauth.smart_scopes import LAUNCH_PATIENT, RENEWING, is_resource_scope
from broker.oauth.smart_scopes import said_of as said_of_smart

SCOPES: dict[str, str] = {
    "residents.find": "Look for a resident by two identifiers",
    "access.request": "Ask a resident for permission, and see the answer",
    "records.read": "Ask for sections of a record",
    "own.read": "See who may see, and who looked at, your own record",
    "own.change": "Answer requests, and give, narrow or stop sharing",
}
PARTNER_SCOPES = ("residents.find", "access.request", "records.read")
RESIDENT_SCOPES = ("own.read", "own.change")


def said_of(scope: str) -> str:
    """What a scope lets a system do, in the words of whoever is asked."""
    return SCOPES.get(scope) or said_of_smart(scope)


def for_resident(scopes: str) -> bool:
    """Whether every one of these is for a resident's own use of their record."""
    return _all(scopes, RESIDENT_SCOPES, "patient/", LAUNCH_PATIENT)


def for_partner(scopes: str) -> bool:
    """Whether every one of these is for an organisation's use."""
    return _all(scopes, PARTNER_SCOPES, "user/")


def _all(scopes: str, own: tuple[str, ...], context: str, *more: str) -> bool:
    """Whether each is one of ``own`` or of a SMART ``context``; one that says only how long is nobody's by itself."""
    saying = set(scopes.split()) - RENEWING
    return bool(saying) and all(
        scope in (*own, *more) or (is_resource_scope(scope) and scope.startswith(context)) for scope in saying
    )
