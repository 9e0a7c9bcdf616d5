"""What becomes of each kind of message, and which are not taken."""

from __future__ import annotations

from datetime import UTC, date, datetime
from random import Random

import pytest

from adapters.hl7v2.reading import read_document
from adapters.hl7v2.refusing import Answer, NotTaken, Problem
from broker.records.source import ResidentIdentity
from broker.vocabulary import SNOMED_CT, GapCause, Section
from tests.adapters.hl7v2.spoken import ADA, NOW, ORDER, after, entries, message, result, said, visit

WHO = ResidentIdentity("9990000018", date(1964, 3, 14))


def refused(data: bytes) -> NotTaken:
    with pytest.raises(NotTaken) as found:
        said(data)
    shown = f"{found.value.detail} {found.value.where}"
    assert "9990000018" not in shown.replace(" ", "")
    assert "Bright" not in shown
    return found.value


def test_an_admission_is_an_entry_with_when_where_and_why() -> None:
    stay = entries(message("ADT^A01", visit(), "PV2|||^Chest pain"))["visit/V7"]
    assert (stay.section, stay.title, stay.status) == (Section.ADMISSIONS, "Hospital stay", "admitted")
    assert stay.at == datetime(2026, 11, 1, 9, 15, tzinfo=UTC)
    assert dict(stay.details)["Where"] == "Ward 3, Riverside"
    assert dict(stay.details)["Reason"] == "Chest pain"
    assert stay.provenance.organisation == "RIVERSIDE"


def test_a_discharge_ends_the_same_stay_and_loses_nothing_said_before() -> None:
    known = after(
        message("ADT^A01", visit(), "PV2|||^Chest pain"),
        message("ADT^A03", visit(admitted="", discharged="202611031400"), control="M2", sent="20261103140500"),
    )
    stay = known["visit/V7"]
    assert (stay.status, stay.at) == ("discharged", datetime(2026, 11, 1, 9, 15, tzinfo=UTC))
    assert dict(stay.details)["Reason"] == "Chest pain"
    assert dict(stay.details)["Discharged"] == "3 November 2026, 14:00 UTC"


def test_a_cancelled_admission_never_was_and_a_cancelled_discharge_is_a_stay_again() -> None:
    admitted = message("ADT^A01", visit())
    assert "visit/V7" not in after(admitted, message("ADT^A11", visit(), control="M2"))
    gone = message("ADT^A03", visit(discharged="202611031400"), control="M2", sent="20261103140500")
    stay = after(admitted, gone, message("ADT^A13", visit(), control="M3", sent="20261103150000"))["visit/V7"]
    assert stay.status == "admitted"
    assert "Discharged" not in dict(stay.details)


def test_what_is_left_out_still_holds_and_what_is_deleted_does_not() -> None:
    told = message("ADT^A08", person=ADA + "||020 7946 0018")
    quiet = message("ADT^A08", person=ADA.rpartition("|")[0] + "|", control="M2", sent="20261102")
    deleted = message("ADT^A08", person=ADA.rpartition("|")[0] + '|""', control="M3", sent="20261103")
    assert dict(after(told, quiet)["person"].details)["Address"] == "1 Lock Row, Testbourne, ZZ1 1AA"
    assert "Address" not in dict(after(told, quiet, deleted)["person"].details)
    assert dict(after(told, quiet, deleted)["person"].details)["Telephone"] == "020 7946 0018"


def test_the_address_of_somebody_protected_is_kept_nowhere() -> None:
    known = after(message("ADT^A28"), message("ADT^A31", "PD1||||||||||||Y", control="M2", sent="20261102"))
    assert "Lock Row" not in repr(known) + repr(known["person"].original)
    assert "Lock Row" in repr(after(message("ADT^A28"))["person"].details)


def test_a_merge_is_counted_and_not_applied() -> None:
    told = said(message("ADT^A40", "MRG|9990000034^^^NHS^NH"))
    assert told.told == ()
    assert dict(told.not_understood) == {"ADT^A40 (a merge of two of its records, not applied)": 1}


def test_allergies_diagnoses_and_procedures_stand_in_their_own_sections() -> None:
    known = entries(
        message(
            "ADT^A01",
            visit(),
            r"AL1|1|DA|91936005^Penicillin \T\ others^SCT|SV|Rash~Swelling|2001",
            "DG1|1||J44.1^COPD^I10||20261101|A",
            "PR1|1||W37.1^Hip replacement^OPCS4||20200203",
        )
    )
    by_section = {entry.section: entry for entry in known.values()}
    allergy, problem = by_section[Section.ALLERGIES], by_section[Section.PROBLEMS]
    assert (allergy.title, dict(allergy.details)["Reaction"]) == ("Penicillin & others", "Rash, Swelling")
    assert [(coding.system, coding.code) for coding in allergy.codes] == [(SNOMED_CT, "91936005")]
    assert (problem.at, problem.linked) == (date(2026, 11, 1), ("visit/V7",))
    assert by_section[Section.PROCEDURES].at == date(2020, 2, 3)


def test_a_result_has_its_value_range_flag_status_and_comment() -> None:
    note = r"NTE|1||Taken twice\.br\so it is sure"
    known = entries(message("ORU^R01", ORDER, result(), note, result("140", place=2, code="2951-2^Sodium^LN")))
    potassium = known["result/F1/2823-3"]
    assert (potassium.title, potassium.status) == ("Potassium", "final")
    assert potassium.at == datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
    assert potassium.details == (
        ("Value", "5.9 mmol/L"),
        ("Normal range", "3.5-5.3"),
        ("Flag", "High"),
        ("Part of", "Blood tests"),
        ("Comment", "Taken twice so it is sure"),
    )
    assert "Comment" not in dict(known["result/F1/2951-2"].details)


def test_several_orders_in_one_message_keep_their_own_results() -> None:
    other = "OBR|2|P2|F2|58410-2^Full blood count^LN|||202611010900"
    known = entries(message("ORU^R01", ORDER, result(), other, result("128", code="718-7^Haemoglobin^LN")))
    assert set(known) == {"result/F1/2823-3", "result/F2/718-7"}
    assert dict(known["result/F2/718-7"].details)["Part of"] == "Full blood count"


@pytest.mark.parametrize(
    ("observation", "value"),
    [
        ("OBX|1|SN|1^eGFR^L||>^90|mL/min", ">90 mL/min"),
        ("OBX|1|CWE|1^Culture^L||POS^Growth seen^L", "Growth seen"),
        ("OBX|1|DT|1^Last seen^L||20261101", "1 November 2026"),
        ("OBX|1|NM|1^Weight^L||71|kg^kilograms^UCUM", "71 kilograms"),
        (r"OBX|1|ST|1^Said^L||A \X26\ B", "A & B"),
    ],
)
def test_values_of_each_type_are_read(observation: str, value: str) -> None:
    (entry,) = entries(message("ORU^R01", ORDER, observation)).values()
    assert dict(entry.details)["Value"] == value


def test_lines_of_one_text_are_one_result_and_a_number_that_repeats_is_another() -> None:
    lines = ["OBX|1|TX|R^Report||First line", "OBX|2|TX|R^Report||Second line"]
    (report,) = entries(message("ORU^R01", ORDER, *lines)).values()
    assert dict(report.details)["Value"] == "First line Second line"
    assert len(entries(message("ORU^R01", ORDER, result("5.1"), result("5.9", place=2)))) == 2


def test_what_is_not_text_is_counted_and_shown_as_nothing() -> None:
    told = said(message("ORU^R01", ORDER, "OBX|1|ED|PDF^Letter||^application^pdf^Base64^JVBERi0=", "ZLB|1|x"))
    assert not told.after({})
    assert dict(told.not_understood) == {"OBX (ED)": 1, "ZLB segment": 1}


def test_a_correction_stands_in_place_of_the_result_and_a_wrong_one_is_taken_back() -> None:
    first = message("ORU^R01", ORDER, result("9.9", status="P"))
    better = message("ORU^R01", ORDER, result("4.1", status="C"), control="M2", sent="20261101120000")
    wrong = message("ORU^R01", ORDER, result('""', status="W"), control="M3", sent="20261101130000")
    corrected = after(first, better)["result/F1/2823-3"]
    assert (dict(corrected.details)["Value"], corrected.status) == ("4.1 mmol/L", "corrected")
    assert after(first, better, wrong) == {}
    cancelled = message("ORU^R01", ORDER.removesuffix("F") + "X", control="M4", sent="20261101140000")
    assert after(first, cancelled) == {}


def test_what_was_sent_earlier_but_comes_later_replaces_nothing() -> None:
    first = message("ORU^R01", ORDER, result("9.9"), sent="20261101100000")
    better = message("ORU^R01", ORDER, result("4.1"), control="M2", sent="20261101120000")
    assert dict(after(better, first)["result/F1/2823-3"].details)["Value"] == "4.1 mmol/L"
    late = message("ORU^R01", ORDER, result('""', status="W"), control="M3", sent="20261101110000")
    assert after(better, late)


def test_a_referral_says_from_whom_to_whom_and_why() -> None:
    known = entries(
        message(
            "REF^I12",
            "RF1|A|S|CARE^Community therapy|||R9|20261102|||F^Falls",
            "PRD|RP|Okafor^Maya^^^Dr||Lock Keepers Surgery",
            "PRD|RT|||Ferry Road Therapy Team",
            "AL1|1|FA|^Peanut",
        )
    )
    referral = known["referral/R9"]
    assert (referral.title, referral.status, referral.at) == ("Community therapy", "accepted", date(2026, 11, 2))
    assert dict(referral.details) == {
        "From": "Dr Maya Okafor, Lock Keepers Surgery",
        "To": "Ferry Road Therapy Team",
        "Priority": "Immediate",
        "Reason": "Falls",
    }
    assert known["allergy/peanut"].section is Section.ALLERGIES


def test_an_appointment_that_is_cancelled_says_so() -> None:
    booked = "SCH|P1|A1|||||Review|^Heart clinic|||^^^202612010930"
    known = after(message("SIU^S12", booked), message("SIU^S15", booked, control="M2", sent="20261102"))
    (appointment,) = known.values()
    assert (appointment.section, appointment.status) == (Section.APPOINTMENTS, "cancelled")
    assert appointment.at == datetime(2026, 12, 1, 9, 30, tzinfo=UTC)


def test_summer_time_and_offsets_are_the_same_instants_in_utc() -> None:
    for stamp in ("202607010930", "202607010830+0000", "202607011030+0200"):
        stay = entries(message("ADT^A01", visit(admitted=stamp)))["visit/V7"]
        assert stay.at == datetime(2026, 7, 1, 8, 30, tzinfo=UTC), stamp


def test_a_date_is_no_more_exact_than_it_was_given() -> None:
    stay = entries(message("ADT^A01", visit(admitted="202611")))["visit/V7"]
    assert dict(stay.details)["Admitted"] == "November 2026"
    unread = said(message("ADT^A01", visit(admitted="soon")))
    assert unread.not_understood["PV1-44 not a timestamp"] == 1


@pytest.mark.parametrize(
    ("person", "problem", "where"),
    [
        ("PID|1||H77^^^RIV^PI||Bright^Ada||19640314|F", Problem.FIELD_MISSING, "PID^1^3"),
        ("PID|1||9990000018^^^RIV^PI||Bright^Ada||19640314|F", Problem.FIELD_MISSING, "PID^1^3"),
        ("PID|1||9990000019^^^NHS^NH||Bright^Ada||19640314|F", Problem.DATA_TYPE, "PID^1^3"),
        ("PID|1||9990000018^^^NHS~9990000034^^^NHS||Bright||19640314|F", Problem.KEY_UNKNOWN, "PID^1^3"),
        ("PID|1||9990000018^^^NHS^NH||Bright^Ada|||F", Problem.FIELD_MISSING, "PID^1^7"),
        ("PID|1||9990000018^^^NHS^NH||Bright^Ada||1964|F", Problem.DATA_TYPE, "PID^1^7"),
        ('PID|1||9990000018^^^NHS^NH||Bright^Ada||""|F', Problem.FIELD_MISSING, "PID^1^7"),
        ("", Problem.SEGMENT_SEQUENCE, "PID"),
    ],
)
def test_a_message_that_does_not_say_by_both_identifiers_whom_it_is_about_is_not_taken(
    person: str, problem: Problem, where: str
) -> None:
    error = refused(message("ADT^A01", visit(), person=person))
    assert (error.problem, error.where, error.answer) == (problem, where, Answer.ERROR)


def test_a_result_message_about_two_people_is_not_taken() -> None:
    other = ADA.replace("999 000 0018", "9990000034")
    assert refused(message("ORU^R01", ORDER, result(), other, ORDER, result())).problem is Problem.SEGMENT_SEQUENCE


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (message("MDM^T02"), Problem.TYPE_UNSUPPORTED),
        (message("ADT^A60"), Problem.EVENT_UNSUPPORTED),
        (message("ADT^A01", version="9"), Problem.VERSION_UNSUPPORTED),
        (message("ADT^A01", control=""), Problem.FIELD_MISSING),
        (b"", Problem.SEGMENT_SEQUENCE),
        (b"GET / HTTP/1.1\r\n", Problem.SEGMENT_SEQUENCE),
        (b"MSH|^", Problem.SEGMENT_SEQUENCE),
        (b"MSH||||||||ADT^A01|1|P|2.4\rPID|1", Problem.SEGMENT_SEQUENCE),
        (message("ADT^A01", "pv1|1"), Problem.SEGMENT_SEQUENCE),
    ],
)
def test_what_is_no_message_that_is_read_is_rejected_and_not_guessed_at(data: bytes, problem: Problem) -> None:
    assert refused(data).problem is problem


def test_the_character_set_is_the_one_the_message_says() -> None:
    text = message("ADT^A01", visit(), person=ADA.replace("Bright", "Brontë")).decode()
    latin = text.replace("UNICODE UTF-8", "8859/1").encode("iso-8859-1")
    assert "Brontë" in dict(entries(latin)["person"].details)["Name"]
    assert "Brontë" in dict(entries(text.encode())["person"].details)["Name"]
    mistaken = text.encode("iso-8859-1")  # says UTF-8
    assert refused(mistaken).problem is Problem.DATA_TYPE
    other = text.replace("UNICODE UTF-8", "ISO IR87").encode()
    assert refused(other).problem is Problem.VALUE_UNKNOWN


def test_other_separators_are_followed() -> None:
    data = message("ADT^A01", visit()).replace(b"|", b"#").replace(b"^", b"@")
    assert entries(data)["visit/V7"].title == "Hospital stay"


def test_a_file_of_messages_is_read_in_the_order_they_were_sent() -> None:
    better = message("ORU^R01", ORDER, result("4.1"), control="M2", sent="20261101120000")
    first = message("ORU^R01", ORDER, result("9.9"))
    for data in (better + first, b"\x0b" + better + b"\x1c\r\x0b" + first + b"\x1c\r", b"BHS|^~\\&\r" + better + first):
        read = read_document(data.replace(b"\r", b"\n"), source="s", now=NOW)
        assert read.person == WHO
        (entry,) = read.answer.entries
        assert dict(entry.details)["Value"] == "4.1 mmol/L"
        assert read.answer.gaps == ()


def test_a_file_says_what_of_it_is_about_somebody_else_or_cannot_be_read() -> None:
    other = message("ORU^R01", ORDER, result(), person=ADA.replace("999 000 0018", "9990000034"))
    read = read_document(message("ADT^A01", visit()) + other + b"MSH|^~\\&|x\r", source="s", now=NOW)
    assert {entry.section for entry in read.answer.entries} == {Section.ADMISSIONS, Section.DEMOGRAPHICS}
    assert {gap.cause for gap in read.answer.gaps} == {GapCause.WRONG_PERSON, GapCause.MALFORMED}
    stranger = ResidentIdentity("9990000018", date(1971, 9, 2))
    assert not read_document(message("ADT^A01", visit()), source="s", now=NOW, resident=stranger).answer.entries


def test_a_number_the_resident_had_before_is_still_theirs() -> None:
    renumbered = ResidentIdentity("9990000034", WHO.born_on, former_numbers=frozenset({"9990000018"}))
    assert read_document(message("ADT^A01", visit()), source="s", now=NOW, resident=renumbered).answer.entries


def test_text_that_would_mislead_a_page_is_made_plain() -> None:
    poison = "AL1|1|DA|^<script>\u202ealert\u0007|SV"
    entry = entries(message("ADT^A31", poison))["allergy/<script>alert"]
    assert entry.title == "<script>alert"


def test_no_damage_to_a_message_is_a_fault_of_ours() -> None:
    dice = Random(7)
    whole = (
        message("ADT^A01", visit(), "PV2|||^Chest pain", "AL1|1|DA|1^Nuts^SCT|SV", "NK1|1|Bright^Tom|SPO"),
        message("ORU^R01", ORDER, result(), "NTE|1||Taken twice", "OBX|2|SN|1^eGFR^L||>^90|mL/min"),
        message("REF^I12", "RF1|A|S|C^Care|||R9|20261102", "PRD|RP|Okafor^Maya", "DG1|1||J44^COPD^I10"),
    )
    taken = 0
    for number in range(1500):
        data = bytearray(whole[number % 3])
        for _ in range(dice.randint(1, 6)):
            place = dice.randrange(len(data))
            data[place : place + dice.randint(0, 3)] = bytes(dice.choices(b'|^~\\&\r"\xff\x00A9', k=dice.randint(0, 3)))
        try:
            taken += bool(said(bytes(data)))
        except NotTaken:
            continue
    assert 0 < taken < 1500
