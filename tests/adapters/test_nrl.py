"""The National Record Locator: pointers by kind, whose they are, and what is opened of the documents behind them."""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import trustme

from adapters import Egress, Http, build, check_configuration
from broker.errors import InvalidInput
from broker.vocabulary import GapCause, Section, Sensitivity
from tests.adapters.conformance.asking import described
from tests.adapters.conformance.worlds import ADA, STRANGER
from tests.adapters.listener import Listener, Reply, Request, as_json
from tests.adapters.national_people import FHIR, page, person, pointer, refused
from tests.adapters.national_services import ASKED_FOR, RENUMBERED, WORKER, ask

ALL = frozenset({Section.CONTINGENCY, Section.CARE_PLAN, Section.DOCUMENTS})
Resource = dict[str, Any]


def kind(code: str) -> Resource:
    return {"type": {"coding": [{"system": "http://snomed.info/sct", "code": code, "display": "As the keeper says"}]}}


def locator(*resources: Resource, register: Resource | None = None, documents: Any = None) -> Any:
    def answer(request: Request) -> Reply:
        if request.path.startswith("/base/docs/"):
            return documents(request)
        if request.path.startswith("/base/pds/"):
            return as_json(register, media=FHIR) if register else refused("RESOURCE_NOT_FOUND", status=404)
        return as_json(page(list(resources)), media=FHIR)

    return answer


def attached(media: str, url: str = "{url}/docs/1") -> Resource:
    return {"content": [{"attachment": {"contentType": media, "url": url}}]}


def test_the_number_is_in_the_body_and_who_asks_in_the_headers() -> None:
    _, (request,) = ask("nrl", locator(person(ADA), pointer(ADA)), ALL)
    assert (request.method, request.target) == ("POST", "/base/DocumentReference/_search")
    assert request.all("subject:identifier") == ["https://fhir.nhs.uk/Id/nhs-number|9990000018"]
    assert request.headers["nhsd-end-user-organisation-ods"] == "XX9T01"
    assert request.headers["nhsd-correlation-id"] == WORKER.request
    assert request.headers["x-request-id"]


@pytest.mark.parametrize(
    ("code", "section", "title"),
    [
        ("736253002", Section.CONTINGENCY, "Mental health crisis plan"),
        ("1382601000000107", Section.CONTINGENCY, "ReSPECT form"),
        ("735324008", Section.CONTINGENCY, "Treatment escalation plan"),
        ("2181441000000107", Section.CARE_PLAN, "Personalised care and support plan"),
        ("824321000000109", Section.DOCUMENTS, "Summary record"),
        ("MAXIB", Section.DOCUMENTS, "As the keeper says"),
    ],
)
def test_a_pointer_is_an_entry_of_the_section_its_kind_belongs_to(code: str, section: Section, title: str) -> None:
    answer, _ = ask("nrl", locator(person(ADA), pointer(ADA, **kind(code))), ALL)
    (entry,) = answer.entries
    assert (entry.section, entry.title, entry.provenance.organisation) == (section, title, "XX9T01")
    assert ("Kept by", "XX9T01") in entry.details
    assert (Sensitivity.MENTAL_HEALTH in entry.stated_labels) is (code == "736253002")


def test_the_address_of_a_document_is_passed_on_to_nobody() -> None:
    answer, _ = ask("nrl", locator(person(ADA), pointer(ADA)), ALL)
    assert "docs.example" not in repr([(e, e.original) for e in answer.entries])


@pytest.mark.parametrize("status", ["superseded", "entered-in-error", "unheard-of", None])
def test_a_pointer_that_is_not_current_is_counted_and_not_shown(status: str | None) -> None:
    answer, _ = ask("nrl", locator(person(ADA), pointer(ADA), pointer(ADA, 2, status=status)), ALL)
    assert len(answer.entries) == 1
    assert sum(answer.not_understood.values()) == 1


def test_a_pointer_about_somebody_else_is_a_gap_and_its_neighbour_is_shown() -> None:
    answer, _ = ask("nrl", locator(person(ADA), pointer(ADA), pointer(STRANGER, 2)), ALL)
    assert len(answer.entries) == 1
    assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}


def test_a_restricted_pointer_is_counted_and_not_shown() -> None:
    code = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    answer, _ = ask("nrl", locator(person(ADA), pointer(ADA, meta={"security": [code]})), ALL)
    assert not answer.entries
    assert dict(answer.not_understood) == {"DocumentReference (restricted: R)": 1}


# ---- a pointer has no date of birth --------------------------------------------------------------------------------


def test_pointers_without_a_date_of_birth_are_not_shown_unless_an_operator_settled_how() -> None:
    answer, _ = ask("nrl", locator(pointer(ADA)), ALL)
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} == {GapCause.MALFORMED}
    assert "date of birth" in answer.gaps[0].detail


def test_the_register_is_asked_for_the_date_of_birth_where_one_is_set() -> None:
    answer, requests = ask("nrl", locator(pointer(ADA), register=person(ADA)), ALL, pds_base_url="{url}/pds")
    (entry,) = answer.entries
    assert ("Matched by", "NHS number, and date of birth in the national register") in entry.details
    assert [r.path for r in requests] == ["/base/DocumentReference/_search", "/base/pds/Patient/9990000018"]


@pytest.mark.parametrize(
    "registered", [None, person(STRANGER), person(type(ADA)(ADA.nhs_number, STRANGER.born_on)), {"resourceType": "X"}]
)
def test_nothing_is_shown_where_the_register_does_not_agree(registered: Resource | None) -> None:
    answer, _ = ask("nrl", locator(pointer(ADA), register=registered), ALL, pds_base_url="{url}/pds")
    assert not answer.entries
    assert {g.section for g in answer.gaps} == ALL


def test_the_register_must_know_them_by_a_number_that_is_theirs() -> None:
    renumbered = person(type(ADA)(RENUMBERED, ADA.born_on))
    for known, shown in ((frozenset[str](), 0), (frozenset({RENUMBERED}), 1)):
        answer, _ = ask(
            "nrl",
            locator(pointer(ADA), register=renumbered),
            ALL,
            resident=replace(ASKED_FOR, former_numbers=known),
            pds_base_url="{url}/pds",
        )
        assert len(answer.entries) == shown
        assert {gap.cause for gap in answer.gaps} == (set() if shown else {GapCause.WRONG_PERSON})


def test_the_number_alone_will_do_only_where_an_operator_said_so_and_it_is_said_beside_it() -> None:
    answer, _ = ask("nrl", locator(pointer(ADA)), ALL, number_alone="yes")
    (entry,) = answer.entries
    assert ("Matched by", "NHS number alone: it came without a date of birth") in entry.details


def test_a_person_in_the_answer_who_does_not_agree_spoils_all_of_it() -> None:
    inside = pointer(ADA, contained=[person(type(ADA)(ADA.nhs_number, STRANGER.born_on))])
    for configured in ({}, {"number_alone": "yes"}):
        answer, _ = ask("nrl", locator(inside, pointer(ADA, 2)), ALL, **configured)
        assert not answer.entries
        assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}


def test_two_ways_of_being_sure_exclude_each_other() -> None:
    both = {"base_url": "https://nrl.example/r4", "number_alone": "yes", "pds_base_url": "https://pds.example/r4"}
    with pytest.raises(InvalidInput) as caught:
        check_configuration("nrl", both)
    assert caught.value.field == "number_alone"


# ---- the documents behind pointers --------------------------------------------------------------------------------


def bundle_about(who: Any, *resources: Resource) -> Reply:
    patient = {**person(who), "id": "p1"}
    entries = [{"fullUrl": f"urn:x:{n}", "resource": r} for n, r in enumerate((patient, *resources))]
    return Reply(json.dumps({"resourceType": "Bundle", "type": "document", "entry": entries}).encode(), media=FHIR)


PLAN = {
    "resourceType": "CarePlan",
    "id": "c1",
    "status": "active",
    "intent": "plan",
    "title": "What matters to me",
    "subject": {"reference": "Patient/p1"},
}


def opened(document: Any, media: str = FHIR, url: str = "/docs/1", **configured: Any) -> tuple[Any, list[Request]]:
    here: list[str] = []

    def answer(request: Request) -> Reply:
        here[:] = [f"http://{request.headers['host']}/base"]
        address = url if "://" in url else here[0] + url
        return locator(person(ADA), pointer(ADA, **attached(media, address)), documents=document)(request)

    known = replace(ASKED_FOR, former_numbers=frozenset({RENUMBERED}))
    return ask("nrl", answer, ALL, resident=known, fetch_documents="yes", **configured)


def document_of(answer: Any) -> str:
    (entry,) = [e for e in answer.entries if e.id == "DocumentReference/XX9T01-1"]
    return dict(entry.details)["Document"]


def test_no_document_is_fetched_unless_an_operator_says_so() -> None:
    _, requests = ask("nrl", locator(person(ADA), pointer(ADA, **attached(FHIR))), ALL)
    assert len(requests) == 1


def test_a_fhir_document_about_the_resident_is_read_into_the_record() -> None:
    answer, _ = opened(lambda request: bundle_about(ADA, PLAN))
    assert {e.title for e in answer.entries} == {"End of life care plan", "What matters to me"}
    assert not answer.gaps
    assert {e.provenance.source for e in answer.entries} == {"the-source"}
    assert {e.provenance.organisation for e in answer.entries} == {"XX9T01"}
    releases = {e.title: e.fhir_release for e in answer.entries}
    assert releases == {"End of life care plan": "", "What matters to me": "4.0"}, "a pointer's own is not passed on"


@pytest.mark.parametrize("who", [STRANGER, type(ADA)(ADA.nhs_number, STRANGER.born_on)])
def test_a_document_about_somebody_else_takes_its_pointer_with_it(who: Any) -> None:
    answer, _ = opened(lambda request: bundle_about(who, PLAN))
    assert not answer.entries
    assert [(g.section, g.cause) for g in answer.gaps] == [(Section.CONTINGENCY, GapCause.WRONG_PERSON)]


@pytest.mark.parametrize("media", ["text/plain", "application/pdf"])
def test_a_document_that_cannot_be_checked_is_stated_and_not_shown(media: str) -> None:
    answer, _ = opened(lambda request: Reply(b"About somebody, it may be.", media=media), media)
    assert document_of(answer) == "Available from its keeper, 26 bytes; not shown here"
    assert "somebody" not in repr(answer.entries)


@pytest.mark.parametrize(
    ("media", "url", "said"),
    [
        ("text/html", "/docs/1", "of a kind that is not opened"),
        (FHIR, "/docs/9990000018", "names the resident"),
        (FHIR, "/docs/%39990000018/1", "names the resident"),
        (FHIR, "/docs/%252539990000018", "names the resident"),
        (FHIR, "/docs/1?of=999%20000%200018", "names the resident"),
        (FHIR, "/docs/9990000026", "names the resident"),
        (FHIR, "http://elsewhere.example/docs/1", "not one that may be called"),
        (FHIR, "https://elsewhere.example/docs/1", "Could not be fetched"),
        (FHIR, "file:///etc/passwd", "not one that may be called"),
    ],
)
def test_what_may_not_be_fetched_is_not_and_its_pointer_says_so(media: str, url: str, said: str) -> None:
    answer, requests = opened(lambda request: bundle_about(ADA, PLAN), media, url)
    assert said in document_of(answer)
    assert len(requests) == 1


def test_a_document_of_another_media_type_than_promised_is_not_read() -> None:
    answer, _ = opened(lambda request: Reply(b"<html>", media="text/html"))
    assert "Could not be fetched" in document_of(answer)


def test_a_document_elsewhere_is_not_shown_the_locators_token() -> None:
    shown: list[str | None] = []

    def located(request: Request) -> Reply:
        shown.append(request.headers.get("authorization"))
        if request.path.startswith("/base/docs/"):
            return bundle_about(ADA, PLAN)
        other = f"http://localhost:{request.headers['host'].rpartition(':')[2]}/base/docs/1"
        return as_json(page([person(ADA), pointer(ADA, **attached(FHIR, other))]), media=FHIR)

    answer, _ = ask("nrl", located, ALL, fetch_documents="yes", bearer_secret="token", secret=lambda name: "opaque")
    assert shown == ["Bearer opaque", None]
    assert "What matters to me" in {entry.title for entry in answer.entries}


@dataclass
class Asked(Listener):
    """A listener that also remembers which of those who connected showed a certificate."""

    shown: list[bool] = field(default_factory=list)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.shown.append(bool(writer.get_extra_info("peercert")))
        await super()._serve(reader, writer)


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_document_elsewhere_is_not_shown_the_locators_certificate(elsewhere: bool) -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(server)
    server.verify_mode = ssl.CERT_OPTIONAL
    ours = authority.issue_cert("broker.example")
    chain = b"".join(blob.bytes() for blob in ours.cert_chain_pems)
    secrets = {"root": authority.cert_pem.bytes(), "ours": ours.private_key_pem.bytes() + chain}

    async def run() -> tuple[Any, list[bool], list[bool]]:
        keeper = Asked(lambda request: bundle_about(ADA, PLAN), tls=server, host="localhost")
        held = [""]

        def located(request: Request) -> Reply:
            if request.path.startswith("/base/docs/"):
                return bundle_about(ADA, PLAN)
            return as_json(page([person(ADA), pointer(ADA, **attached(FHIR, held[0]))]), media=FHIR)

        locator_ = Asked(located, tls=server, host="localhost")
        async with keeper, locator_:
            held[0] = f"{(keeper if elsewhere else locator_).url}/docs/1"
            client = Http(egress=Egress([keeper.place, locator_.place]))
            proof = {"client_certificate_secret": "ours", "authority_secret": "root", "fetch_documents": "yes"}
            said = {"base_url": locator_.url, "per_second": 1000, **proof}
            system = build(described("nrl", said), http=client, secret=secrets.__getitem__)
            answer = await system.fetch(ASKED_FOR, ALL)
            await client.close()
            return answer, locator_.shown, keeper.shown

    answer, to_locator, to_keeper = asyncio.run(run())
    assert "What matters to me" in {entry.title for entry in answer.entries}
    assert set(to_locator) == {True}
    assert to_keeper == ([False] if elsewhere else [])
