"""The national services, as the neighbourhood would find them: demographics, the record locator and patient flags.

Real paths, headers and error codes; made-up people. Daniel's number has been superseded, Grace is flagged, and more
than five requests in a second are refused. Nothing here is signed or checked beyond what a client must send.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from time import monotonic
from typing import Any
from uuid import UUID

from aiohttp import web

from broker.vocabulary import NHS_NUMBER, ODS_CODE, SNOMED_CT
from sandbox.neighbourhood import cast
from sandbox.neighbourhood.named import DANIEL, GRACE
from sandbox.neighbourhood.numbers import rank_of
from sandbox.neighbourhood.patient import UK_CORE, organisation_reference
from sandbox.neighbourhood.people import Person
from sandbox.neighbourhood.place import Place
from sandbox.neighbourhood.traits import Trait
from sandbox.partners.outcome import fhir_response

PDS = "/personal-demographics/FHIR/R4"
NRL = "/record-locator/consumer/FHIR/R4"
FLAGS = "/patient-flags/FHIR/R4"
DOCUMENTS = "/documents"
ADJUSTMENTS = "national-reasonable-adjustment-flag"
PER_SECOND = 5
_BEYOND = 900_000  # an index that few places reach: its number is nobody's
MOST_SEARCHED = 10_000  # residents a search by name looks at

_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_SPINE = "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode"
_CODES = "https://fhir.hl7.org.uk/CodeSystem"
Resource = dict[str, Any]


class Refusal(Exception):
    """What is answered with a Spine code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class NationalServer:
    """Three services for one place. ``token`` is the bearer token to ask for, where one is wanted."""

    def __init__(
        self,
        place: Place,
        *,
        token: str | None = None,
        per_second: int = PER_SECOND,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._place, self._token, self._clock = place, token, clock
        self._asked: deque[float] = deque(maxlen=per_second)
        self.superseded = place.nhs_number_of(DANIEL)
        self.superseded_by = next(n for k in range(100) if (n := place.nhs_number_of(_BEYOND + k)) is not None)

    def add_to(self, app: web.Application) -> None:
        for path, answer in (
            (f"{PDS}/Patient", self._search),
            (f"{PDS}/Patient/{{number}}", self._patient),
            (f"{PDS}/Patient/{{number}}/RelatedPerson", self._related),
            (f"{FLAGS}/Flag", self._flags),
            (f"{DOCUMENTS}/{{id}}", self._document),
        ):
            app.router.add_get(path, self._answering(answer))
        app.router.add_post(f"{NRL}/DocumentReference/_search", self._answering(self._pointers))
        app.router.add_post(f"{FLAGS}/Flag/_search", self._answering(self._flags))

    def _answering(self, answer: Callable[[web.Request, Mapping[str, str]], Resource]) -> Any:
        async def answered(request: web.Request) -> web.Response:
            said = {**request.query, **{str(k): str(v) for k, v in (await request.post()).items()}}
            try:
                self._admit(request)
                found = answer(request, said)
            except Refusal as refused:
                return fhir_response(_outcome(refused.code), status=refused.status, headers=_echoed(request))
            version = (found.get("meta") or {}).get("versionId")
            etag = {"ETag": f'W/"{version}"'} if version else {}
            return fhir_response(found, headers={**_echoed(request), **etag})

        return answered

    def _admit(self, request: web.Request) -> None:
        """Raises Refusal for one request too many, no credentials, or a header that is missing."""
        now = self._clock()
        if len(self._asked) == self._asked.maxlen and now - self._asked[0] < 1:
            raise Refusal(429, "TOO_MANY_REQUESTS")
        self._asked.append(now)
        if self._token and request.headers.get("Authorization") != f"Bearer {self._token}":
            raise Refusal(401, "ACCESS_DENIED")
        if request.path.startswith(DOCUMENTS):
            return
        try:
            UUID(request.headers.get("X-Request-ID", ""))
        except ValueError:
            raise Refusal(400, "INVALID_VALUE" if "X-Request-ID" in request.headers else "MISSING_VALUE") from None
        if not request.headers.get("NHSD-End-User-Organisation-ODS"):
            raise Refusal(400, "MISSING_VALUE")

    def _person(self, number: str) -> tuple[Person, str]:
        """Whoever has or had this number, and the number they have. Raises Refusal."""
        if rank_of(number) is None:
            raise Refusal(400, "INVALID_RESOURCE_ID")
        asked = self.superseded if number == self.superseded_by else number
        index = self._place.index_of(asked or "")
        if index is None:
            raise Refusal(404, "RESOURCE_NOT_FOUND")
        return self._place.person(index), self.superseded_by if asked == self.superseded else number

    def _patient(self, request: web.Request, said: Mapping[str, str]) -> Resource:
        return self._demographics(*self._person(request.match_info["number"]))

    def _demographics(self, person: Person, number: str) -> Resource:
        flagged = person.index == GRACE
        resource: Resource = {
            "resourceType": "Patient",
            "id": number,
            "meta": {"versionId": "2", "security": [{"system": _CONFIDENTIALITY, "code": "R" if flagged else "U"}]},
            "identifier": [{"system": NHS_NUMBER, "value": number}],
            "name": [{"id": "n1", "use": "usual", "given": [person.given_name], "family": person.family_name}],
            "gender": person.sex,
            "birthDate": person.born_on.isoformat(),
            "extension": _extensions(person),
        }
        if person.died_on is not None:
            resource["deceasedDateTime"] = f"{person.died_on.isoformat()}T00:00:00+00:00"
        if flagged:
            return resource
        since = {"start": "2020-01-01"}
        home = {"id": "a1", "use": "home", "period": since, "line": [person.line, cast.PLACE_NAME]}
        practice = {"system": ODS_CODE, "value": person.practice, "period": since}
        return {
            **resource,
            "address": [{**home, "postalCode": person.postcode}],
            "telecom": [{"id": "t1", "use": "home", "system": "phone", "value": person.telephone, "period": since}],
            "generalPractitioner": [{"id": "g1", "type": "Organization", "identifier": practice}],
        }

    def _related(self, request: web.Request, said: Mapping[str, str]) -> Resource:
        person, number = self._person(request.match_info["number"])
        if person.cared_for_by is None or person.index == GRACE:
            return _bundle([])
        carer = self._place.person(person.cared_for_by)
        role = {"system": f"{_CODES}/UKCore-AdditionalRelatedPersonRole", "code": "Carer", "display": "Carer"}
        contact = {
            "resourceType": "RelatedPerson",
            "id": f"R{person.index:06d}",
            "active": True,
            "patient": _named(number),
            "relationship": [{"coding": [role]}],
            "name": [{"use": "usual", "given": [carer.given_name], "family": carer.family_name}],
            "telecom": [{"system": "phone", "use": "home", "value": carer.telephone}],
        }
        return _bundle([contact])

    def _search(self, request: web.Request, said: Mapping[str, str]) -> Resource:
        if not {"family", "birthdate"} <= said.keys():
            raise Refusal(400, "MISSING_VALUE")
        found = [each for each in self._everybody() if _fits(each, said)]
        if len(found) > int(said.get("_max-results", "50")):
            return _outcome("TOO_MANY_MATCHES")
        matches = [self._demographics(*self._person(each.nhs_number)) for each in found if each.nhs_number]
        bundle = _bundle(matches)
        for entry in bundle["entry"]:
            entry["search"] = {"score": 1}
        return bundle

    def _everybody(self) -> list[Person]:
        return [self._place.person(index) for index in range(min(self._place.residents, MOST_SEARCHED))]

    def _pointers(self, request: web.Request, said: Mapping[str, str]) -> Resource:
        number = _value(said.get("subject:identifier", ""))
        try:
            person, current = self._person(number)
        except Refusal as refused:
            if refused.status == 404:
                return _bundle([])
            raise
        origin = f"{request.scheme}://{request.host}"
        return _bundle([_pointer(person, current, code, title, origin) for code, title in _documents_of(person)])

    def _document(self, request: web.Request, said: Mapping[str, str]) -> Resource:
        parts = request.match_info["id"].split("-")
        if len(parts) != 3 or not parts[1].isdigit() or int(parts[1]) >= self._place.residents:
            raise Refusal(404, "RESOURCE_NOT_FOUND")
        person = self._place.person(int(parts[1]))
        title = dict(_documents_of(person)).get(parts[2])
        if title is None or person.nhs_number is None:
            raise Refusal(404, "RESOURCE_NOT_FOUND")
        number = self._person(person.nhs_number)[1]
        plan = {
            "resourceType": "CarePlan",
            "id": "plan",
            "status": "active",
            "intent": "plan",
            "title": title,
            "description": f"What matters to {person.given_name}, and what to do first.",
            "subject": {"reference": "Patient/subject"},
        }
        whose = {**self._demographics(person, number), "id": "subject"}
        about = {"resourceType": "Composition", "id": "c", "title": title, "subject": {"reference": "Patient/subject"}}
        entries = [{"fullUrl": f"urn:sandbox:{r['id']}", "resource": r} for r in (about, whose, plan)]
        return {"resourceType": "Bundle", "type": "document", "entry": entries}

    def _flags(self, request: web.Request, said: Mapping[str, str]) -> Resource:
        if not said.get("patient"):
            raise Refusal(400, "MISSING_VALUE")
        person, number = self._person(said["patient"])
        code = said.get("code", ADJUSTMENTS)
        if code == ADJUSTMENTS:
            return _bundle(_adjustments(person, number))
        marked = code == "child-protection-plan" and person.has(Trait.CHILD_PROTECTION)
        return _bundle([_flag(number, "cp", "Child protection plan (CP-IS)", "Safeguarding")] if marked else [])


def _fits(person: Person, said: Mapping[str, str]) -> bool:
    return (
        person.nhs_number is not None
        and person.family_name.casefold() == said["family"].casefold()
        and said.get("given", person.given_name).casefold() == person.given_name.casefold()
        and said["birthdate"].removeprefix("eq") == person.born_on.isoformat()
        and said.get("address-postcode", person.postcode).casefold() == person.postcode.casefold()
    )


def _extensions(person: Person) -> list[Resource]:
    code, display = person.ethnic_category
    ethnic = {"coding": [{"system": f"{_CODES}/UKCore-EthnicCategoryEngland", "code": code, "display": display}]}
    listed: list[Resource] = [{"url": f"{UK_CORE}/Extension-UKCore-EthnicCategory", "valueCodeableConcept": ethnic}]
    if person.language is not None:
        code, name = person.language
        language = {"coding": [{"system": f"{_CODES}/UKCore-HumanLanguage", "code": code, "display": name}]}
        parts = [
            {"url": "language", "valueCodeableConcept": language},
            {"url": "interpreterRequired", "valueBoolean": True},
        ]
        listed.append({"url": f"{UK_CORE}/Extension-UKCore-NHSCommunication", "extension": parts})
    if person.has(Trait.SIGHT):
        system = f"{_CODES}/UKCore-PreferredWrittenCommunicationFormat"
        large = {"coding": [{"system": system, "code": "11", "display": "Large print"}]}
        part = {"url": "PreferredWrittenCommunicationFormat", "valueCodeableConcept": large}
        listed.append({"url": f"{UK_CORE}/Extension-UKCore-ContactPreference", "extension": [part]})
    return listed


def _documents_of(person: Person) -> list[tuple[str, str]]:
    """The plans that somebody keeps about a resident: SNOMED code and title."""
    listed = (
        ("736253002", "Mental health crisis plan", (Trait.SELF_HARM, Trait.BIPOLAR)),
        ("1382601000000107", "ReSPECT form", (Trait.FRAILTY, Trait.END_OF_LIFE)),
        ("2181441000000107", "Personalised care and support plan", (Trait.COPD, Trait.LEARNING_DISABILITY)),
    )
    return [(code, title) for code, title, traits in listed if person.has(*traits)]


def _pointer(person: Person, number: str, code: str, title: str, origin: str) -> Resource:
    keeper = cast.FAIRLIGHT.code if code == "736253002" else person.practice
    type_ = {"coding": [{"system": SNOMED_CT, "code": code, "display": title}]}
    url = f"{origin}{DOCUMENTS}/d-{person.index}-{code}"
    return {
        "resourceType": "DocumentReference",
        "id": f"{keeper}-{person.index}-{code}",
        "status": "current",
        "type": type_,
        "category": [{"coding": [{"system": SNOMED_CT, "code": "734163000", "display": "Care plan"}]}],
        "subject": _named(number),
        "custodian": {"identifier": {"system": ODS_CODE, "value": keeper}},
        "author": [organisation_reference(keeper)],
        "date": f"{date(2026, 3, 2).isoformat()}T09:00:00+00:00",
        "content": [{"attachment": {"contentType": "application/fhir+json", "url": url}}],
    }


_NEEDS = (
    (Trait.HEARING, "Requires a hearing loop or text", "Hearing impairment"),
    (Trait.SIGHT, "Requires large print", "Sight impairment"),
    (Trait.LEARNING_DISABILITY, "Requires easy read, and more time", "Learning disability"),
    (Trait.AUTISM, "Requires a quiet place to wait", "Autism"),
    (Trait.INTERPRETER, "Requires an interpreter", ""),
)


def _adjustments(person: Person, number: str) -> list[Resource]:
    needs = [(wanted, why) for trait, wanted, why in _NEEDS if person.has(trait)]
    if not needs:
        return []
    consent = {
        "resourceType": "Consent",
        "id": f"c{person.index}",
        "status": "active",
        "scope": {"text": "Patient privacy"},
        "category": [{"text": "Information access"}],
        "patient": _named(number),
        "policyRule": {"text": "Agreed by the patient"},
        "provision": {"type": "permit"},
    }
    whole = _flag(number, f"w{person.index}", "National Reasonable Adjustments Flag", "", code=ADJUSTMENTS)
    listed = [consent, whole]
    for place, (wanted, why) in enumerate(needs):
        listed.append(_flag(number, f"a{person.index}-{place}", wanted, "Reasonable adjustment"))
        if why:
            impairment = {"resourceType": "Condition", "id": f"i{person.index}-{place}", "code": {"text": why}}
            listed.append({**impairment, "subject": _named(number), "category": [{"text": "Impairment"}]})
    return listed


def _flag(number: str, id: str, title: str, category: str, *, code: str = "") -> Resource:
    coding = {"coding": [{"code": code}]} if code else {}
    return {
        "resourceType": "Flag",
        "id": id,
        "status": "active",
        "category": [{"text": category}] if category else [],
        "code": {**coding, "text": title},
        "subject": _named(number),
        "period": {"start": "2026-02-01"},
    }


def _named(number: str) -> Resource:
    return {"identifier": {"system": NHS_NUMBER, "value": number}}


def _value(token: str) -> str:
    if not token:
        raise Refusal(400, "MISSING_VALUE")
    system, _, value = token.partition("|")
    if system != NHS_NUMBER:
        raise Refusal(400, "INVALID_VALUE")
    return value


def _bundle(resources: Sequence[Resource]) -> Resource:
    entries = [{"resource": each} for each in resources]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


def _outcome(code: str) -> Resource:
    detail = {"coding": [{"system": _SPINE, "version": "1", "code": code}]}
    issue = {"severity": "error", "code": "processing", "details": detail}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _echoed(request: web.Request) -> dict[str, str]:
    """A client's own references, given back as the services do."""
    names = ("X-Request-ID", "X-Correlation-ID", "NHSD-Correlation-Id")
    return {name: request.headers[name] for name in names if name in request.headers}
