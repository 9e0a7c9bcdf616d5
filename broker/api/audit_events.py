"""The trail as FHIR R4 AuditEvents, coded as IHE's Basic Audit Log Patterns (BALP) have it.

A quiet change becomes no event: it is on no list that anybody can open. Holds no note, no name and no NHS number, and
decides nothing of who may see an event.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from broker.audit.leaf import actor_reference, resident_reference
from broker.audit.trail import Entry
from broker.vocabulary import ACT_REASON, OWN, AuditAction, DenialReason, Purpose, Role

Json = dict[str, Any]
BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
TYPES = "http://terminology.hl7.org/CodeSystem/audit-event-type"
INTERACTIONS = "http://hl7.org/fhir/restful-interaction"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
AUTHORISING = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType"
LIFECYCLE = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ROLE_CLASS = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"
SECURITY_ROLE = "http://terminology.hl7.org/CodeSystem/extra-security-role-type"
USER_AGENTS = "https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes"
ENTITY_TYPES = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
BASIC_ENTITIES = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
SOURCE_TYPES = "http://terminology.hl7.org/CodeSystem/security-source-type"
SNOMED = "http://snomed.info/sct"
BROKER = {"display": "Neighbourhood data-sharing and consent broker"}

Patient = Callable[[Entry], Json]  # how whoever is shown an event knows the resident it is about


class Events:
    """Trail entries as AuditEvents, for one audience. ``plainly`` is for those who answer for the trail: with who it
    was, by id, and why something was refused."""

    def __init__(self, *, key: bytes, patient: Patient | None = None, plainly: bool = False) -> None:
        self._key, self._plainly = key, plainly
        self._patient = patient or self._pseudonym

    def of(self, entry: Entry) -> Iterator[Json]:
        """The events of one entry: several where one act is several patterns; none for a quiet one."""
        if entry.body.get("quiet"):
            return
        for number, pattern in enumerate(_PATTERNS.get(entry.action, (Events._other,))):
            if (made := pattern(self, entry)) is not None:
                yield {"resourceType": "AuditEvent", "id": f"{entry.index}-{number}", **made}

    def _pseudonym(self, entry: Entry) -> Json:
        found = resident_reference(self._key, entry.resident or "")
        return {"identifier": {"system": f"{OWN}:trail:resident", "value": found}}

    # ---- the patterns ----

    def _decided(self, entry: Entry) -> Json:
        """AuthZconsent: that a request was decided, and how."""
        permitted = bool(entry.body.get("permitted_any"))
        agreements = [str(each) for each in entry.body.get("agreements") or () if permitted]
        relied_on = agreements or [str(entry.body.get("decision") or "none")]
        made = self._event(
            entry,
            "AuthZconsent",
            kind=(DICOM, "110113", "Security Alert"),
            subtype=(AUTHORISING, "AuthZ-Consent"),
            action="E",
            agents=[
                self._client(entry, "110150", "Application"),
                self._user(entry),
                *self._organisation(entry),
                _agent((SECURITY_ROLE, "authserver"), BROKER),
            ],
            entities=[*self._whose(entry), *map(_relied_on, relied_on)],
        )
        if not permitted:
            made |= {"outcome": "8", "outcomeDesc": self._why(entry)}
        return made

    def _queried(self, entry: Entry) -> Json:
        """PatientQuery: that sections of a record were asked for and shown, or that a resident was looked for."""
        asked = {name: entry.body[name] for name in ("purpose",) if entry.body.get(name)}
        sections = sorted(entry.body.get("released") or ())
        return self._event(
            entry,
            "PatientQuery",
            kind=(TYPES, "rest", "RESTful Operation"),
            subtype=(INTERACTIONS, "search"),
            action="E",
            agents=[
                self._client(entry, "110153", "Source Role ID"),
                _agent((DICOM, "110152", "Destination Role ID"), BROKER),
                self._user(entry),
            ],
            entities=[*self._whose(entry), _query(urlencode({**asked, "sections": ",".join(sections)}))],
        )

    def _read(self, entry: Entry) -> Json:
        """PatientRead: that a resident, or whoever acts for them, read their record."""
        return self._event(
            entry,
            "PatientRead",
            kind=(TYPES, "rest", "RESTful Operation"),
            subtype=(INTERACTIONS, "read"),
            action="R",
            agents=[
                self._client(entry, "110152", "Destination Role ID"),
                _agent((DICOM, "110153", "Source Role ID"), BROKER),
                self._user(entry),
            ],
            entities=[*self._whose(entry), _data({"display": "The resident's own record"})],
        )

    def _disclosed(self, entry: Entry) -> Json | None:
        """PrivacyDisclosure.Source: that part of a record left the broker."""
        return self._disclosure(entry, "Source", ("110106", "Export"), "R", entry.body.get("released"))

    def _received(self, entry: Entry) -> Json | None:
        """PrivacyDisclosure.Recipient: that the broker was given it by those who keep it."""
        return self._disclosure(entry, "Recipient", ("110107", "Import"), "C", entry.body.get("sources"))

    def _disclosure(self, entry: Entry, end: str, kind: tuple[str, str], action: str, what: Any) -> Json | None:
        if not what or not entry.body.get("permitted_any"):
            return None
        outwards = end == "Source"
        sent, took = (BROKER, self._who(entry)) if outwards else ({"display": "The source systems asked"}, BROKER)
        return self._event(
            entry,
            f"PrivacyDisclosure.{end}",
            kind=(DICOM, *kind),
            subtype=(LIFECYCLE, "disclose"),
            action=action,
            agents=[
                _agent((DICOM, "110153", "Source Role ID"), sent),
                _agent((DICOM, "110152", "Destination Role ID"), took),
                self._user(entry),
                _agent((SNOMED, "159541003", "Record keeping/library clerk"), BROKER),
                _agent((SNOMED, "429577009", "Patient advocate"), self._organisation_who(entry)),
            ],
            entities=[*self._whose(entry), *(_data({"display": str(each)}) for each in sorted(what))],
        )

    def _other(self, entry: Entry) -> Json:
        """Any other act, by our own code for it: no pattern is claimed."""
        return self._event(
            entry,
            None,
            kind=(f"{OWN}:audit-action", entry.action.value, entry.action.label),
            subtype=None,
            action="E",
            agents=[self._user(entry)],
            entities=self._whose(entry),
        )

    # ---- their parts ----

    def _event(
        self,
        entry: Entry,
        profile: str | None,
        *,
        kind: tuple[str, str, str],
        subtype: tuple[str, str] | None,
        action: str,
        agents: list[Json],
        entities: list[Json],
    ) -> Json:
        profiles = [f"{BALP}{profile}"] if profile else []
        if profile and _by_system(entry):
            profiles.append(f"{BALP}OAUTHaccessTokenUse.Opaque")
        purpose = _purpose(entry)
        made: Json = {
            "meta": {"profile": profiles},
            "type": _coding(*kind),
            "subtype": [_coding(*subtype)] if subtype else [],
            "action": action,
            "recorded": entry.at.isoformat(),
            "outcome": "0",
            "purposeOfEvent": [purpose] if purpose else [],
            "agent": agents,
            "source": {
                "observer": BROKER,
                "type": [_coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4")],
            },
            "entity": [*entities, *self._request(entry)],
        }
        kept = {name: value for name, value in made.items() if value not in ([], {}, None)}
        return kept if profiles else {name: value for name, value in kept.items() if name != "meta"}

    def _whose(self, entry: Entry) -> list[Json]:
        if entry.resident is None:
            return []
        return [{"what": self._patient(entry), "type": _coding(ENTITY_TYPES, "1"), "role": _coding(OBJECT_ROLES, "1")}]

    def _request(self, entry: Entry) -> list[Json]:
        if not (asked := entry.body.get("request")):
            return []
        return [{"what": {"identifier": {"value": str(asked)}}, "type": _coding(BASIC_ENTITIES, "XrequestId")}]

    def _user(self, entry: Entry) -> Json:
        kind = (USER_AGENTS, "UserOauthAgent") if _by_system(entry) else (PARTICIPATION, "IRCP")
        made = _agent(kind, self._who(entry), requestor=True)
        if kind[0] == USER_AGENTS:
            made["type"]["coding"].append(_coding(PARTICIPATION, "IRCP"))
        purpose = _purpose(entry)
        return {**made, "purposeOfUse": [purpose]} if purpose else made

    def _who(self, entry: Entry) -> Json:
        role = next((each for each in Role if each.value == entry.body.get("role")), None)
        said: Json = {"display": role.label if role else entry.actor.partition(":")[0].capitalize()}
        if self._plainly:
            said["identifier"] = {"system": f"{OWN}:actor", "value": actor_reference(self._key, entry.actor)}
        return said

    def _client(self, entry: Entry, code: str, display: str) -> Json:
        system = entry.body.get("client")
        who: Json = {"display": "A partner's system" if system else "The broker's own pages"}
        if system and self._plainly:
            who["identifier"] = {"system": f"{OWN}:client", "value": str(system)}
        return _agent((DICOM, code, display), who)

    def _organisation(self, entry: Entry) -> list[Json]:
        return [_agent((ROLE_CLASS, "PROV"), self._organisation_who(entry))] if entry.organisation else []

    def _organisation_who(self, entry: Entry) -> Json:
        if not entry.organisation:
            return {"display": "The resident"}
        return {"identifier": {"system": f"{OWN}:organisation", "value": entry.organisation}}

    def _why(self, entry: Entry) -> str:
        if not self._plainly:
            return "Not permitted"
        codes = {str(each) for each in entry.body.get("reasons") or ()}
        for by_source in (entry.body.get("refused") or {}).values():
            codes |= {str(code) for reasons in by_source.values() for code in reasons}
        return "; ".join(each.label for each in DenialReason if each.value in codes) or "Not permitted"


_PATTERNS: Mapping[AuditAction, tuple[Callable[[Events, Entry], Json | None], ...]] = {
    AuditAction.DECISION: (Events._decided,),
    AuditAction.RELEASE: (Events._queried, Events._disclosed, Events._received),
    AuditAction.RESIDENT_SOUGHT: (Events._queried,),
    AuditAction.RESIDENT_PAIRED: (Events._queried,),
    AuditAction.RECORD_VIEWED_BY_RESIDENT: (Events._read,),
}


def exported(entries: Iterable[Entry], *, key: bytes) -> Iterator[Json]:
    """Every event of ``entries``, for an operator. Residents are named by what the trail calls them."""
    events = Events(key=key, plainly=True)
    for entry in entries:
        yield from events.of(entry)


def _by_system(entry: Entry) -> bool:
    return bool(entry.body.get("client"))


def _purpose(entry: Entry) -> Json | None:
    purpose = next((each for each in Purpose if each.value == entry.body.get("purpose")), None)
    if purpose is None:
        return None
    return {
        "coding": [
            {"system": ACT_REASON, "code": purpose.act_reason},
            {"system": purpose.system, "code": purpose.value, "display": purpose.label},
        ]
    }


def _relied_on(name: str) -> Json:
    """What the decision rests on: the sharing agreements, or the decision itself where there is none."""
    what = {"identifier": {"system": f"{OWN}:agreement", "value": name}}
    return {"what": what, "type": _coding(ENTITY_TYPES, "2"), "role": _coding(OBJECT_ROLES, "13")}


def _data(what: Json) -> Json:
    return {"what": what, "type": _coding(ENTITY_TYPES, "2"), "role": _coding(OBJECT_ROLES, "4")}


def _query(text: str) -> Json:
    said = base64.b64encode(text.encode()).decode()
    return {"type": _coding(ENTITY_TYPES, "2"), "role": _coding(OBJECT_ROLES, "24"), "query": said}


def _agent(kind: tuple[str, ...], who: Json, *, requestor: bool = False) -> Json:
    return {"type": {"coding": [_coding(*kind)]}, "who": who, "requestor": requestor}


def _coding(system: str, code: str, display: str = "") -> Json:
    return {"system": system, "code": code, **({"display": display} if display else {})}
