"""What an engine is given: agreements as the rules read them, an index, and a name that says exactly what it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.agreements import bundle, document, generated
from broker.agreements.models import SharingAgreement
from broker.errors import InvalidInput, Misconfigured
from broker.vocabulary import AgreementState
from tests.policies.world import NOW, row, samples

LANTERN = "GB-CHC-9010001"


def built(*rows: SharingAgreement) -> dict[str, Any]:
    entries: dict[str, Any] = bundle.build_data(rows)["agreements"]
    return entries


def sample(like: str, /, **changes: Any) -> SharingAgreement:
    return row(document.from_mapping({**samples()[like].as_mapping(), **changes}))


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return bundle.build_data(row(text) for text in samples().values())


# ---- what an agreement becomes -------------------------------------------------------------------------------------


def test_an_agreement_becomes_what_the_rules_read(data: dict[str, Any]) -> None:
    advice = data["agreements"]["MG-ADVICE"]

    assert advice["ancestors"] == ["LON-COMMUNITY"]
    assert advice["recipients"] == {"organisations": {LANTERN: True}, "kinds": {}}
    assert advice["purposes"] == {"advice-debt": True, "advice-housing": True, "advice-benefits": True}
    assert (advice["level"], advice["place"], advice["state"], advice["signed"]) == ("place", "MG", "in-force", True)
    assert advice["from"] == int(datetime(2026, 4, 1, tzinfo=UTC).timestamp())
    assert advice["until"] == int(datetime(2028, 4, 1, tzinfo=UTC).timestamp())


def test_only_who_receives_is_in_the_index(data: dict[str, Any]) -> None:
    assert data["by_org_purpose"][LANTERN]["advice-debt"] == {"MG-ADVICE": True}
    assert "direct-care" not in data["by_org_purpose"][LANTERN]  # it gives to the teams, and receives nothing
    assert "XX9INT" not in data["by_org_purpose"]


def test_a_narrowing_is_named_in_everything_under_what_it_narrows(data: dict[str, Any]) -> None:
    narrowed = {id: each["narrowed_by"] for id, each in data["agreements"].items() if each["narrowed_by"]}

    assert narrowed == {
        id: {"MG": ["MG-NARROWING"]}
        for id in ("LON-DIRECT-CARE", "MG-NEIGHBOURHOOD-TEAMS", "MG-SAFEGUARDING", "MG-HOSPICE")
    }


def test_the_order_agreements_come_in_does_not_matter(data: dict[str, Any]) -> None:
    backwards = bundle.build_data(row(text) for text in reversed(list(samples().values())))

    assert bundle.digest_of({}, backwards) == bundle.digest_of({}, data)


def test_the_vocabulary_and_the_tables_go_with_them(data: dict[str, Any]) -> None:
    assert data["vocabulary"]["purposes"]["advice-debt"]["permission"] == "explicit"
    assert data["tables"] == bundle.load_tables()
    assert "revision" not in data


# ---- purposes ------------------------------------------------------------------------------------------------------


def test_an_agreement_speaks_of_everything_below_the_purposes_it_names() -> None:
    receiver = samples()["MG-ADVICE"].receivers[0]
    data = bundle.build_data([sample("MG-ADVICE", purposes=["community-services"])])

    assert data["agreements"]["MG-ADVICE"]["purposes"].keys() == {
        "community-services", "social-prescribing", "carers-support",
        "advice", "advice-debt", "advice-housing", "advice-benefits",
    }  # fmt: skip
    assert data["by_org_purpose"][receiver].keys() == data["agreements"]["MG-ADVICE"]["purposes"].keys()


def test_an_agreement_does_not_speak_of_what_is_above_or_beside_the_purposes_it_names() -> None:
    assert built(sample("MG-ADVICE", purposes=["advice-debt"]))["MG-ADVICE"]["purposes"] == {"advice-debt": True}
    assert built(sample("MG-HOSPICE", purposes=["direct-care"]))["MG-HOSPICE"]["purposes"].keys() == {
        "direct-care", "care-coordination",
    }  # fmt: skip


def test_the_vocabulary_says_what_each_purpose_is_below() -> None:
    purposes = generated.vocabulary()["purposes"]

    assert purposes["advice-debt"]["lineage"] == {"advice-debt": True, "advice": True, "community-services": True}
    assert purposes["emergency"]["lineage"] == {"emergency": True}
    assert {code for code, entry in purposes.items() if entry["grouping"]} == {"advice", "community-services"}


# ---- conditions ----------------------------------------------------------------------------------------------------

CONDITIONS = 'package conditions["MG-ADVICE"]\n\ndeny contains "outside-place" if input.resident.age < 18\n'


def test_what_was_agreed_with_conditions_says_so_in_its_own_chain_and_in_those_below() -> None:
    above = row(samples()["LON-COMMUNITY"], conditions=CONDITIONS.replace("MG-ADVICE", "LON-COMMUNITY"))
    data = bundle.build_data([row(samples()["MG-ADVICE"], conditions=CONDITIONS), above])

    assert data["chains"]["MG-ADVICE"]["conditions"] == ["MG-ADVICE", "LON-COMMUNITY"]
    assert built(row(samples()["MG-ADVICE"]))["MG-ADVICE"]["conditions"] is False


def test_every_module_of_conditions_is_one_that_the_data_names() -> None:
    rows = [row(samples()["MG-ADVICE"], conditions=CONDITIONS), row(samples()["LON-COMMUNITY"])]
    named = {id for id, entry in bundle.build_data(rows)["agreements"].items() if entry["conditions"]}

    assert {f"conditions/{id}.rego" for id in named} == bundle.modules_for(rows).keys() - bundle.load_modules().keys()


@pytest.mark.parametrize("state", AgreementState)
def test_an_engine_is_given_the_conditions_of_what_binds_and_never_of_a_draft(state: AgreementState) -> None:
    agreed = row(samples()["MG-ADVICE"], conditions=CONDITIONS)
    agreed.state = state
    given = state in {AgreementState.IN_FORCE, AgreementState.SUSPENDED}

    assert ("conditions/MG-ADVICE.rego" in bundle.modules_for([agreed])) is given
    assert bundle.build_data([agreed])["agreements"]["MG-ADVICE"]["conditions"] is given


# ---- signatures ----------------------------------------------------------------------------------------------------


def test_every_party_must_have_signed() -> None:
    assert built(row(samples()["MG-ADVICE"], signed=False))["MG-ADVICE"]["signed"] is False


def test_a_signature_on_an_earlier_text_counts_for_nothing() -> None:
    agreement = row(samples()["MG-ADVICE"])
    agreement.signatures[0].digest = "0" * 64

    assert built(agreement)["MG-ADVICE"]["signed"] is False


def test_a_text_changed_after_it_was_signed_is_not_signed() -> None:
    """One word more, and the old digest kept: nobody signed that."""
    agreement = row(samples()["MG-ADVICE"])
    agreement.document = {**agreement.document, "labels": ["mental-health"]}

    assert built(agreement)["MG-ADVICE"]["signed"] is False


def test_the_row_can_shorten_what_was_signed_and_never_lengthen_it() -> None:
    agreement = row(samples()["MG-ADVICE"])
    agreement.until_at = agreement.until_at + timedelta(days=365)
    agreement.from_at = agreement.from_at + timedelta(days=1)
    found = built(agreement)["MG-ADVICE"]

    assert found["until"] == int(samples()["MG-ADVICE"].until_at.timestamp())
    assert found["from"] == int((samples()["MG-ADVICE"].from_at + timedelta(days=1)).timestamp())


# ---- what is above -------------------------------------------------------------------------------------------------


def test_an_agreement_above_that_is_missing_is_named_so_that_the_rules_refuse() -> None:
    assert built(sample("MG-ADVICE"))["MG-ADVICE"]["ancestors"] == ["LON-COMMUNITY"]


def test_a_circle_ends_and_names_an_agreement_that_cannot_be_found() -> None:
    one = sample("MG-ADVICE", id="ONE", under="TWO")
    two = sample("MG-ADVICE", id="TWO", under="ONE")

    found = built(one, two)

    assert found["ONE"]["ancestors"] == ["TWO", ""]
    assert "" not in found


def test_a_stored_text_that_breaks_the_rules_stops_publishing() -> None:
    """To leave it out could widen: it may be a narrowing."""
    agreement = row(samples()["MG-NARROWING"])
    agreement.document = {**agreement.document, "sections": []}

    with pytest.raises(InvalidInput):
        built(agreement)


# ---- modules and revisions -----------------------------------------------------------------------------------------


def test_modules_are_the_rules_without_their_tests() -> None:
    modules = bundle.load_modules()

    assert "broker/decision/decision.rego" in modules
    assert not [path for path in modules if "test" in path]
    assert modules["broker/decision/decision.rego"].count("package broker.decision") == 1


def test_a_folder_without_rules_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        bundle.load_modules(tmp_path)


def test_a_revision_says_when_and_exactly_what(data: dict[str, Any]) -> None:
    modules = bundle.load_modules()
    revision = bundle.revision_of(NOW, modules, data)

    assert revision == f"2026-11-21T12:00:00.000000Z/{bundle.digest_of(modules, data)}"
    assert bundle.digest_of(modules, {**data, "revision": revision}) == bundle.digest_of(modules, data)


def test_any_change_of_rules_or_agreements_changes_the_digest(data: dict[str, Any]) -> None:
    modules = bundle.load_modules()
    digest = bundle.digest_of(modules, data)
    first = next(iter(modules))

    assert bundle.digest_of({**modules, first: modules[first] + "\n"}, data) != digest
    assert bundle.digest_of(modules, {**data, "tables": {}}) != digest
    assert bundle.digest_of({**modules, "x": ""}, data) != digest
