"""The main job, told in the terminal over real HTTP with real tokens. Every promise is checked as it is told."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.request import Request, urlopen

from joserfc import jwk
from rich.console import Console
from sqlalchemy import select

from broker.access.parts import Broker
from broker.app import utc_now
from broker.audit.checkpoints import checkpoint_if_due, latest, trail_signer
from broker.audit.export import verify_database
from broker.audit.signed_note import open_checkpoint
from broker.demonstration.prepare import remembered
from broker.demonstration.processes import Partners
from broker.demonstration.proving import ASSERTION, assertion
from broker.demonstration.telling import Answer, Teller, say_reasons, show_view
from broker.identity.models import Resident
from broker.oauth.scopes import PARTNER_SCOPES
from broker.vocabulary import AuditAction, Purpose, Section

MONEY, HOUSING, DEMOGRAPHICS = Section.MONEY.value, Section.HOUSING.value, Section.DEMOGRAPHICS.value


def tell(broker: Broker, base: str, partners: Partners, *, console: Console) -> int:
    """Tell the story to its end. Returns 0 only if every promise held."""
    from sandbox.neighbourhood import named

    began = time.monotonic()
    teller = Teller(console, base)
    ada = _resident(broker, named.ADA)
    lantern = _system_token(broker, teller, "lantern-system")
    handle = _find(teller, lantern, ada)
    _refused_at_first(teller, lantern, handle)
    consent = _ada_agrees(teller, lantern, handle, _person_token(teller, resident=ada.id))
    _the_view(teller, lantern, handle)
    _a_source_is_down(teller, lantern, handle, partners)
    _ada_looks_and_narrows(teller, lantern, handle, consent, _person_token(teller, resident=ada.id))
    _no_emergency_for_a_charity(teller, lantern, handle)
    _her_own_practice(broker, teller, ada)
    _ada_stops(teller, lantern, handle, consent, _person_token(teller, resident=ada.id))
    _the_trail(broker, teller, ada)
    console.print()
    if teller.broken:
        console.print(f"[red]{len(teller.broken)} promises did not hold.[/red]")
        return 1
    console.print(f"[green]Every promise held[/green] in {time.monotonic() - began:.1f} s.")
    return 0


def _resident(broker: Broker, index: int) -> Resident:
    from sandbox.neighbourhood.place import Place

    made = remembered(broker.settings)
    assert made is not None, "the story is told of a place that has been made"
    number = Place(made.seed, made.residents).person(index).nhs_number
    with broker.sessions() as session:
        return session.scalars(select(Resident).where(Resident.nhs_number == number)).one()


def _system_token(broker: Broker, teller: Teller, client: str) -> str:
    teller.chapter("A charity's own system proves who it is")
    path = broker.settings.data_folder / "sandbox-keys" / f"{client}.json"
    key = jwk.import_key(json.loads(path.read_text()))
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion(client, key, issuer=teller.base),
        "scope": " ".join(PARTNER_SCOPES),
    }
    answer = teller.call("POST", "/oauth/token", form=form)
    again = teller.call("POST", "/oauth/token", form=form)
    teller.promise(
        f"{client} signs an assertion with its private key and is given a token for 300 s", answer.status == 200
    )
    teller.promise("the token is bound to a second key of its own", (answer.body or {}).get("token_type") == "DPoP")
    teller.promise("the same assertion is refused a second time", again.status == 401)
    token: str = (answer.body or {}).get("access_token", "")
    teller.bound.add(token)
    return token


def _person_token(teller: Teller, **who: str) -> str:
    token: str = (teller.call("POST", "/demo/token", body=who).body or {}).get("access_token", "")
    return token


def _find(teller: Teller, token: str, ada: Resident) -> str:
    teller.chapter("A case worker at Lantern Row looks for Ada by two identifiers")
    found = teller.call(
        "POST",
        "/api/residents/find",
        token=token,
        body={"nhs_number": ada.nhs_number, "born_on": ada.born_on.isoformat()},
    )
    nobody = teller.call(
        "POST", "/api/residents/find", token=token, body={"nhs_number": ada.nhs_number, "born_on": "1901-01-01"}
    )
    wrong = teller.call(
        "POST", "/api/residents/find", token=token, body={"nhs_number": "9990000019", "born_on": "1964-03-14"}
    )
    handle = (found.body or {}).get("resident", "")
    same_shape = found.status == nobody.status == 200 and len(handle) == len(nobody.body["resident"])
    teller.promise("she is given a handle that is good for Lantern Row alone", found.status == 200 and bool(handle))
    teller.promise("a wrong date of birth gives a handle of the same shape: nobody can fish for people", same_shape)
    teller.promise(
        f"a mistyped NHS number is refused in words ({wrong.body.get('code')})",
        wrong.status == 422 and wrong.body.get("code") == "nhs-number-invalid",
    )
    return str(handle)


def _view(teller: Teller, token: str, handle: str, purpose: Purpose, sections: list[Section], **more: Any) -> Answer:
    body = {
        "resident": handle,
        "purpose": purpose.value,
        "sections": [s.value for s in sections],
        "reason": "Debt advice",
        **more,
    }
    return teller.call("POST", "/api/records/view", token=token, body=body)


LANTERN_NEEDS = [Section.DEMOGRAPHICS, Section.HOUSING, Section.MONEY, Section.SERVICES, Section.VCFSE_SUPPORT]


def _refused_at_first(teller: Teller, token: str, handle: str) -> None:
    teller.chapter("She asks for part of Ada's record, to advise on debt")
    answer = _view(teller, token, handle, Purpose.ADVICE_DEBT, LANTERN_NEEDS)
    say_reasons(teller, answer.body)
    teller.promise("nothing is released without Ada's permission", answer.status == 403)
    teller.promise("and the answer says that Ada can be asked", bool(answer.body.get("requestable")))
    unknown = teller.call(
        "POST",
        "/api/records/view",
        token=token,
        body={"resident": handle, "purpose": "curiosity", "sections": ["problems"], "reason": "x"},
    )
    teller.promise("a purpose nobody agreed on is refused by name", unknown.status == 422)


def _ada_agrees(teller: Teller, token: str, handle: str, ada: str) -> str:
    teller.chapter("She asks Ada")
    asked = teller.call(
        "POST",
        "/api/access-requests",
        token=token,
        body={
            "resident": handle,
            "purpose": Purpose.ADVICE_DEBT.value,
            "sections": [section.value for section in LANTERN_NEEDS],
            "reason": "To help you deal with your rent arrears and your energy debt.",
            "until": (utc_now() + timedelta(days=90)).isoformat(),
        },
    )
    teller.say(f"code to read aloud: {asked.body.get('binding_code')}; state: {asked.body.get('state')}")
    waiting = teller.call("GET", "/api/my/access-requests", token=ada)
    request_id = asked.body["id"]
    teller.promise(
        "Ada finds the request, with the same code",
        any(each["id"] == request_id and each["binding_code"] == asked.body["binding_code"] for each in waiting.body),
    )
    too_much = teller.call(
        "POST",
        f"/api/my/access-requests/{request_id}/answer",
        token=ada,
        body={"agree": True, "sections": ["problems"]},
    )
    teller.promise("she cannot be led to share more than was asked", too_much.status == 422)
    yes = teller.call("POST", f"/api/my/access-requests/{request_id}/answer", token=ada, body={"agree": True})
    polled = teller.call("GET", f"/api/access-requests/{request_id}", token=token)
    teller.promise(
        "she agrees, and Lantern Row sees that she has", yes.status == 200 and polled.body["state"] == "granted"
    )
    consents = teller.call("GET", "/api/my/consents", token=ada)
    return str(consents.body[0]["id"])


def _the_view(teller: Teller, token: str, handle: str) -> None:
    teller.chapter("She asks again, and the record is assembled live from the partner systems")
    answer = _view(teller, token, handle, Purpose.ADVICE_DEBT, LANTERN_NEEDS)
    teller.promise("the view is released", answer.status == 200)
    if answer.status != 200:
        say_reasons(teller, answer.body)
        return
    show_view(teller, answer.body)
    shown = {part["section"] for part in answer.body["sections"] if part["entries"]}
    teller.promise("it shows housing and money, which Ada agreed to", {MONEY, HOUSING} <= shown)
    teller.promise("no section is there that was not asked for", shown <= {s.value for s in LANTERN_NEEDS})
    sources = {entry["source"] for part in answer.body["sections"] for entry in part["entries"]}
    teller.promise(f"it comes from several systems ({', '.join(sorted(sources))})", len(sources) >= 2)
    beyond = _view(teller, token, handle, Purpose.ADVICE_DEBT, [Section.PROBLEMS])
    say_reasons(teller, beyond.body)
    teller.promise("health conditions are refused to a debt adviser, whatever Ada agreed to", beyond.status == 403)
    document = _view(teller, token, handle, Purpose.ADVICE_DEBT, LANTERN_NEEDS, format="fhir-document")
    kinds = [entry["resource"]["resourceType"] for entry in (document.body or {}).get("entry", [])]
    teller.promise(f"the same view is a FHIR R4 document of {len(kinds)} resources", kinds[:1] == ["Composition"])


def _a_source_is_down(teller: Teller, token: str, handle: str, partners: Partners) -> None:
    teller.chapter("A partner system breaks down")
    source = "lock-keepers-gp"
    _fault(partners, source, {"source": source, "status": 500})
    try:
        answer = _view(teller, token, handle, Purpose.ADVICE_DEBT, LANTERN_NEEDS)
    finally:
        _fault(partners, source, None)
    stated = [gap for part in answer.body.get("sections", []) for gap in part["gaps"] if gap["source"] == source]
    for gap in stated[:1]:
        teller.say(f"{gap['label']} {gap['detail']}")
    teller.promise("its part is stated as a gap, never shown as empty", answer.status == 200 and bool(stated))


def _fault(partners: Partners, source: str, fault: Mapping[str, Any] | None) -> None:
    url = partners.urls[source].rpartition("/")[0] + "/_sandbox/faults"
    data = json.dumps(fault).encode() if fault else None
    request = Request(
        url, data=data, method="POST" if fault else "DELETE", headers={"Content-Type": "application/json"}
    )
    with urlopen(request, timeout=5):  # the sandbox, on loopback
        pass


def _ada_looks_and_narrows(teller: Teller, token: str, handle: str, consent: str, ada: str) -> None:
    teller.chapter("Ada sees who looked, and stops sharing about money")
    looks = teller.call("GET", "/api/my/activity", token=ada).body
    for look in looks[:4]:
        why, what = look["purpose"] or "no stated purpose", ", ".join(look["released"])
        teller.say(f"{look['at'][11:19]} {look['organisation_name']}: {look['label']} for {why} {what and f'({what})'}")
    released = [look for look in looks if look["action"] == AuditAction.RELEASE.value]
    teller.promise(
        "every release is there, under the charity's own name",
        bool(released) and all(look["organisation_name"] == "Lantern Row Advice Centre" for look in released),
    )
    narrowed = teller.call("POST", f"/api/my/consents/{consent}/narrow", token=ada, body={"stop_sections": [MONEY]})
    teller.promise("she stops sharing money in one step", narrowed.status == 200)
    answer = _view(teller, token, handle, Purpose.ADVICE_DEBT, LANTERN_NEEDS)
    shown = {part["section"] for part in answer.body.get("sections", []) if part["entries"]}
    say_reasons(teller, answer.body)
    teller.promise(
        "the very next look shows nothing of money, and the rest as before", MONEY not in shown and HOUSING in shown
    )
    alone = _view(teller, token, handle, Purpose.ADVICE_DEBT, [Section.MONEY])
    teller.promise("and asking for money alone is refused", alone.status == 403)


def _no_emergency_for_a_charity(teller: Teller, token: str, handle: str) -> None:
    teller.chapter("Somebody at the charity tries emergency access")
    locked = {"reason": "The door is locked"}
    by_system = _view(teller, token, handle, Purpose.EMERGENCY, [Section.MEDICATIONS], break_glass=locked)
    teller.promise(
        "a system alone cannot use it: a person proves first who they are",
        (by_system.status, by_system.body.get("code")) == (401, "step-up-needed"),
    )
    worker = _person_token(teller, person="priya-raman")
    answer = _view(teller, worker, handle, Purpose.EMERGENCY, [Section.MEDICATIONS], break_glass=locked)
    say_reasons(teller, answer.body)
    teller.promise("emergency access is refused to a charity", answer.status == 403)


def _her_own_practice(broker: Broker, teller: Teller, ada: Resident) -> None:
    teller.chapter("Ada's own GP looks, for direct care")
    gp = _person_token(teller, person="maya-okafor")
    body = {"nhs_number": ada.nhs_number, "born_on": ada.born_on.isoformat()}
    handle = teller.call("POST", "/api/residents/find", token=gp, body=body).body["resident"]
    sections = [Section.ALLERGIES, Section.MEDICATIONS, Section.PROBLEMS, Section.APPOINTMENTS]
    answer = _view(teller, gp, handle, Purpose.DIRECT_CARE, sections, reason="Annual review")
    teller.promise("implied consent serves for the care of a registered patient", answer.status == 200)
    if answer.status != 200:
        say_reasons(teller, answer.body)
        return
    show_view(teller, answer.body)
    joined = [entry for part in answer.body["sections"] for entry in part["entries"] if entry["also_from"]]
    teller.promise("what two systems both hold is shown once, with both named", bool(joined))
    contradicted = [entry for part in answer.body["sections"] for entry in part["entries"] if entry["contradictions"]]
    for entry in contradicted[:2]:
        teller.say(f"{entry['title']}: {entry['contradictions'][0]}")
    teller.promise("where systems contradict each other, the view says so", bool(contradicted))


def _ada_stops(teller: Teller, token: str, handle: str, consent: str, ada: str) -> None:
    teller.chapter("Ada stops sharing with the charity altogether")
    stopped = teller.call("POST", f"/api/my/consents/{consent}/withdraw", token=ada)
    answer = _view(teller, token, handle, Purpose.ADVICE_DEBT, LANTERN_NEEDS)
    say_reasons(teller, answer.body)
    teller.promise("one step, and the very next request is refused", stopped.status == 200 and answer.status == 403)


def _the_trail(broker: Broker, teller: Teller, ada: Resident) -> None:
    teller.chapter("The trail")
    signer = trail_signer(broker.settings)
    checkpoint_if_due(broker.sessions, signer, every=timedelta(0), now=utc_now())
    with broker.sessions() as session:
        newest = broker.trail.entries(session, resident=ada.id, limit=6)
        for entry in newest:
            teller.say(f"{entry.index:>5}  {entry.at:%H:%M:%S}  {entry.action.label}  {entry.leaf_hash.hex()[:16]}…")
        kept = latest(session)
        assert kept is not None
        checkpoint = open_checkpoint(kept.note, signer.verifier)
        proof = broker.trail.proof(session, newest[0].index)
        root = broker.trail.head(session).root
        report = verify_database(session, str(signer.verifier), key=broker.settings.secret("trail-pseudonyms"))
    teller.promise(
        f"the newest entry is proved to be in the tree of {checkpoint.size} entries by {len(proof.path)} hashes",
        proof.holds(root),
    )
    teller.promise(
        "the checkpoint's signature holds and names that very root",
        proof.size != checkpoint.size or checkpoint.root == root,
    )
    teller.promise(f"the whole trail recomputes ({report.size} entries)", report.ok)
