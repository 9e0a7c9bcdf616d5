"""What the national services have in common: the headers they want, how often they may be asked, and what they refuse.

One way of asking for the Personal Demographics Service, the National Record Locator and the Patient Flags service.
Knows nothing of what they answer, and repeats nothing that they say in words.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from yarl import URL

from broker.errors import InvalidInput
from broker.records.source import Asker, ResidentIdentity, SourceCheck
from broker.vocabulary import GapCause, Sensitivity

from . import configuration as read
from .answering import Allowance, Unanswered, plain
from .credentials import Credentials
from .egress import barred, parse
from .fhir_r4.person import cross_check
from .fhir_r4.reading import about, stated_labels
from .fhir_r4.search import MEDIA, Found
from .fhir_r4.values import Json, code_in, many, nhs_numbers, text
from .http import Form, Http, Status, addressed, same_origin

PER_SECOND = 5  # what a new application of the national platform is given
WINDOW = 1.05  # seconds, a little more than one: clocks and networks are not exact
PATIENCE = 1.5  # seconds that a request waits for its turn, where the source's own time does not allow less

KEYS: Mapping[str, read.Key] = {
    "base_url": read.Key(read.base_url, "the service's base address, ending in FHIR/R4"),
    "organisation_code": read.Key(read.text, "the ODS code to ask under for those who ask and have none", ""),
    "per_second": read.Key(
        read.whole(1, 1000), "requests a second that the service allows this application", PER_SECOND
    ),
    **read.CREDENTIALS,
}

_ODS = re.compile(r"[A-Z0-9]{3,12}")

# Spine error and warning codes. Any other is a fault.
_CODES: Mapping[str, tuple[GapCause, str]] = {
    "RESOURCE_NOT_FOUND": (GapCause.NOT_LINKED, ""),
    "INVALIDATED_RESOURCE": (GapCause.NOT_LINKED, ""),
    "NO_RECORD_FOUND": (GapCause.NOT_LINKED, ""),
    "TOO_MANY_REQUESTS": (GapCause.BUSY, "asked the broker to slow down"),
    "ACCESS_DENIED": (GapCause.REFUSED, "refused the broker's credentials"),
}


class Budget:
    """So many requests in any ``window`` of seconds: each takes its turn, and one that would wait too long is told.

    The turns are those of one process: so many processes, so many budgets.
    """

    def __init__(self, most: int, *, window: float = WINDOW, clock: Callable[[], float] = monotonic) -> None:
        self._turns: deque[float] = deque(maxlen=most)
        self._window, self._clock = window, clock

    async def turn(self, *, patience: float) -> None:
        """Wait for one's turn, at most ``patience`` seconds. Raises Unanswered (busy) where it is not near enough."""
        now = self._clock()
        full = len(self._turns) == self._turns.maxlen
        at = max(now, self._turns[0] + self._window) if full else now
        if at - now > patience:
            raise Unanswered(GapCause.BUSY, "is being asked as often as it allows")
        self._turns.append(at)
        if at > now:
            await asyncio.sleep(at - now)


_budgets: dict[tuple[str, str, int], Budget] = {}


def budget_of(source: str, base: str, per_second: int) -> Budget:
    """The one budget of a source in this process, however often the source is set up anew."""
    return _budgets.setdefault((source, base, per_second), Budget(per_second))


@dataclass
class National:
    """One national service, and how this broker asks it."""

    source: str
    organisation: str  # asked under where whoever asks has no ODS code
    options: Mapping[str, Any]
    http: Http
    credentials: Credentials
    correlation: str = "X-Correlation-ID"

    @property
    def base(self) -> str:
        return str(self.options["base_url"])

    async def ask(
        self, path: str, *, by: Asker | None, allowance: Allowance, query: Mapping[str, str] | None = None,
        form: Form | None = None,
    ) -> Any:  # fmt: skip
        """The JSON at ``path`` under the base address. Raises Unanswered, with the cause that its own code gives."""
        return await self.at(addressed(self.base, path, query), by=by, allowance=allowance, form=form)

    async def at(self, address: str, *, by: Asker | None, allowance: Allowance, form: Form | None = None) -> Any:
        credentials = self.credentials if by is None else self.credentials.on_behalf_of(by)
        await self.turn()
        try:
            answer = await self.http.ask(
                address, credentials=credentials, allowance=allowance, form=form, headers=self.headers(by), media=MEDIA,
                explained=True,
            )  # fmt: skip
        except Status as error:
            raise explained(error) from error
        if type(answer) is dict and answer.get("resourceType") == "OperationOutcome":
            raise judged(codes_of(answer)) or Unanswered(GapCause.FAULT, "answered that it could not do what was asked")
        return answer

    def must_know(self, by: Asker | None) -> None:
        """Raises Unanswered where the service wants a token for each worker, and who asks is not known."""
        self.credentials.on_behalf_of(by)

    async def turn(self) -> None:
        within = self.options.get("answer_within_ms")
        patience = min(PATIENCE, within / 2000) if within else PATIENCE
        await budget_of(self.source, self.base, self.options["per_second"]).turn(patience=patience)

    def headers(self, by: Asker | None) -> dict[str, str]:
        """Who asks, and for which access request: an organisation and two references, never a person."""
        own = str(self.options["organisation_code"] or self.organisation)
        code = by.organisation if by is not None and _ODS.fullmatch(by.organisation) else own
        request = str(uuid4())
        return {
            "X-Request-ID": request,
            self.correlation: by.request if by is not None else request,
            "NHSD-End-User-Organisation-ODS": code,
        }

    async def pages(
        self, address: str, *, by: Asker | None, allowance: Allowance, form: Form | None = None,
        unspoken: tuple[str, ...],
    ) -> Found:  # fmt: skip
        """A search followed to its last page. ``unspoken`` may stand in no next page's address, but in the path
        that was asked at first.

        Raises Unanswered where not even the first page could be read; a later one that could not is ``Found.broken``.
        """
        found, seen, path = Found(), {address}, parse(address).raw_path
        for page in range(self.http.limits.pages):
            try:
                following = collected(
                    await self.at(address, by=by, allowance=allowance, form=form), found, first=not page
                )
                if following is None:
                    return found
                address, form = self._next(following, path, unspoken), None
                if address in seen:
                    raise Unanswered(GapCause.MALFORMED, "its pages go round in a circle")
                seen.add(address)
            except Unanswered as error:
                if page == 0:
                    raise
                found.broken = error
                return found
        found.broken = Unanswered(GapCause.TOO_LARGE, f"has more than {self.http.limits.pages} pages")
        return found

    def _next(self, link: str, path: str, unspoken: tuple[str, ...]) -> str:
        base = parse(self.base)
        address = link if "://" in link.partition("?")[0] else str(base.join(URL(link, encoded=True)))
        following = parse(address)
        if not same_origin(base, following):
            raise barred("the next page is at another address")
        if says(following.raw_query_string if following.raw_path == path else address, unspoken):
            raise Unanswered(GapCause.FAULT, "gives a next page whose address names the resident")
        return address

    async def check(self, path: str, *, form: Form | None = None, what: str) -> SourceCheck:
        """Ask about nobody: a service that is there and lets the broker in answers that something is missing."""
        try:
            await self.ask(path, by=None, allowance=self.http.allowance(), form=form)
        except Missing:
            pass
        except Unanswered as error:
            return SourceCheck(False, error.cause, (("Problem", error.detail),))
        return SourceCheck(True, None, (("Service", what), ("Requests a second", str(self.options["per_second"]))))


_UNQUOTED = 4  # how often an address is unquoted at most: one that could be once more is taken to hide something


def says(address: str, numbers: tuple[str, ...]) -> bool:
    """Whether one of ``numbers`` stands anywhere in an address, however it is quoted or spaced."""
    for _ in range(_UNQUOTED):
        opened = unquote(address)
        if opened == address:
            digits = "".join(each for each in unicodedata.normalize("NFKC", address) if each.isalnum())
            return any(number in digits for number in numbers)
        address = opened
    return True


class Missing(Unanswered):
    """The service understood, and lacks something: the answer to a question about nobody."""


def collected(bundle: Any, found: Found, *, first: bool) -> str | None:
    """Read one page into ``found``; the link to the next, or None. Raises Unanswered for what is no search result."""
    try:
        if bundle["resourceType"] != "Bundle" or bundle.get("type") != "searchset":
            raise Unanswered(GapCause.MALFORMED, "answered with something other than a search result")
        for entry in many(bundle, "entry"):
            resource = entry["resource"]
            if resource["resourceType"] == "OperationOutcome":
                found.issues.extend(many(resource, "issue"))
            else:
                found.resources.append((resource, entry.get("fullUrl") or "", True))
        if first:
            found.total = bundle["total"] if type(bundle.get("total")) is int else None
        links = {link["relation"]: link["url"] for link in many(bundle, "link")}
        return str(links["next"]) if links.get("next") else None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Unanswered(GapCause.MALFORMED, "answered with a search result that cannot be read") from error


def explained(error: Status) -> Unanswered:
    """The cause of a refusal, by the service's own code where it gives one, else by the status alone."""
    codes = codes_of(error.document)
    if error.status == 400 and {"MISSING_VALUE", "BAD_REQUEST"} & codes:
        return Missing(GapCause.FAULT, "was not given all that it asks for")
    return judged(codes) or Unanswered(error.cause, error.detail)


def judged(codes: frozenset[str]) -> Unanswered | None:
    known = next((_CODES[code] for code in _CODES if code in codes), None)
    return None if known is None else Unanswered(*known)


def codes_of(document: Any) -> frozenset[str]:
    """The codes of an OperationOutcome's issues; none where it is something else, or cannot be read."""
    try:
        if document["resourceType"] != "OperationOutcome":
            return frozenset()
        details = [issue.get("details") or {} for issue in many(document, "issue")]
        return frozenset(text(coding, "code") for detail in details for coding in many(detail, "coding"))
    except (KeyError, TypeError, AttributeError):
        return frozenset()


def security_of(resource: Json) -> frozenset[str]:
    """The confidentiality codes of ``meta.security`` (HL7 v3 Confidentiality). Raises what a malformed one raises."""
    listed = many(resource.get("meta") or {}, "security")
    return frozenset(text(coding, "code") for coding in listed if coding.get("system") == CONFIDENTIALITY)


CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


PERSON_KEYS: Mapping[str, read.Key] = {
    "pds_base_url": read.Key(
        read.base_url, "where the date of birth behind the number is checked, where an answer carries none", ""
    ),
    "number_alone": read.Key(
        read.switch, "yes: show what carries no date of birth, matched by NHS number alone, and say so", False
    ),
}

BOTH = ""
BY_REGISTER = "NHS number, and date of birth in the national register"
BY_NUMBER = "NHS number alone: it came without a date of birth"
ANOTHER_NUMBER = "the register knows this person by another number: trace them"


async def matched(service: National, found: Found, resident: ResidentIdentity, allowance: Allowance) -> str:
    """How an answer is known to be about the resident, in words; empty where it states number and birth itself.

    Many pointers and flags carry an NHS number and nothing else. Then the register is asked for the date of birth
    behind that number, where an operator has set one; or the number alone will do, where an operator has said that
    too. Otherwise nothing of the answer is used: raises Unanswered.
    """
    stated = _patients(found)
    for patient in stated:  # each of them: an answer that is partly about somebody else is not used at all
        cross_check(patient, resident, None)
    if stated or not found.resources:
        return BOTH
    if service.options["pds_base_url"]:
        await _registered(service, resident, allowance)
        return BY_REGISTER
    if service.options["number_alone"]:
        return BY_NUMBER
    raise Unanswered(GapCause.MALFORMED, "carries no date of birth to check, and no register is set to check it in")


def _patients(found: Found) -> list[Json]:
    inside = [each for resource, _, _ in found.resources for each in (resource, *many(resource, "contained"))]
    return [each for each in inside if each.get("resourceType") == "Patient"]


async def _registered(service: National, resident: ResidentIdentity, allowance: Allowance) -> None:
    """Raises Unanswered unless the register has this date of birth for this number, or for one known to be theirs."""
    register = National(
        service.source,
        service.organisation,
        {**service.options, "base_url": service.options["pds_base_url"]},
        service.http,
        service.credentials,
    )
    patient = await register.ask(f"Patient/{resident.nhs_number}", by=resident.asked_by, allowance=allowance)
    try:
        readable = patient["resourceType"] == "Patient" and nhs_numbers(patient) == {patient["id"]}
        born_on = patient.get("birthDate")
    except (KeyError, TypeError, AttributeError, ValueError):
        readable = False
    if not readable:
        raise Unanswered(GapCause.MALFORMED, "has a register that gave no person who can be read")
    if born_on != resident.born_on.isoformat():
        raise Unanswered(GapCause.WRONG_PERSON, "the date of birth does not agree")
    if not resident.is_known_by(patient["id"]):  # whoever has that birthday too, as a twin does, is not them
        raise Unanswered(GapCause.WRONG_PERSON, ANOTHER_NUMBER)


class NotUsed(Exception):
    """One resource of an answer that is not used. ``counted`` is its name among what was not understood: its kind, and
    ``why`` where there is a reason to say."""

    def __init__(self, kind: str, why: str = "") -> None:
        super().__init__(kind, why)
        self.counted, self.why = f"{kind} ({why})" if why else kind, why


def usable(resource: Json, accepted: frozenset[str], numbers: frozenset[str]) -> frozenset[Sensitivity]:
    """The sensitivities a resource states of itself. Raises NotUsed or Unanswered where it may not be shown."""
    kind = plain(resource["resourceType"], most=64)
    if "entered-in-error" in (resource.get("status"), code_in(resource.get("verificationStatus"))):
        raise NotUsed(kind, "entered in error")
    if "modifierExtension" in resource or "implicitRules" in resource:
        raise ValueError("an unknown extension changes the meaning")  # FHIR R4 §2.4.0: must not be ignored
    labels, restriction = stated_labels(resource)
    if not about(resource, accepted, numbers):
        raise Unanswered(GapCause.WRONG_PERSON, f"in a {kind}")
    if restriction:
        raise NotUsed(kind, f"restricted: {restriction[:16]}")
    return labels


def check_options(options: Mapping[str, Any]) -> None:
    """Two ways to be sure of a person exclude each other. Raises InvalidInput."""
    if options["number_alone"] and options["pds_base_url"]:
        raise InvalidInput(
            "source-configuration-invalid", "number_alone and pds_base_url cannot both be used", field="number_alone"
        )
