"""The worlds of the extracts that come by preset: children's services, housing and social prescribing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from broker.records.source import ResidentIdentity
from broker.vocabulary import Section
from tests.adapters.conformance.worlds import FileWorld


class _ExtractWorld(FileWorld):
    preset: str

    def configuration(self, folder: Path) -> dict[str, Any]:
        return {"path": str(self.file(folder)), "preset": self.preset}


class ChildrenWorld(_ExtractWorld):
    kind, section, preset = "children-csv", Section.SAFEGUARDING, "children-in-need"
    header = ("NHSNumber", "PersonBirthDate", "CINreferralDate", "CINclosureDate", "Status")

    def row(self, person: ResidentIdentity, number: int, since: str = "01/05/2026") -> list[str]:
        return [person.nhs_number or "", f"{person.born_on:%d/%m/%Y}", since, "", f"Status {number}"]

    def not_understood(self, person: ResidentIdentity, number: int) -> list[str]:
        return self.row(person, number, since="")


class HousingWorld(_ExtractWorld):
    kind, section, preset = "housing-csv", Section.HOUSING, "housing-repairs-and-arrears"
    header = ("NHS number", "Date of birth", "Record", "Date", "Summary")

    def row(self, person: ResidentIdentity, number: int, record: str = "Repair") -> list[str]:
        return [person.nhs_number or "", f"{person.born_on:%d/%m/%Y}", record, "01/05/2026", f"Repair {number}"]

    def not_understood(self, person: ResidentIdentity, number: int) -> list[str]:
        return self.row(person, number, "Parking")


class SocialPrescribingWorld(HousingWorld):
    kind, section, preset = "social-prescribing-csv", Section.REFERRALS, "social-prescribing"

    def row(self, person: ResidentIdentity, number: int, record: str = "Referral") -> list[str]:
        return super().row(person, number, record)


WORLDS = (ChildrenWorld(), HousingWorld(), SocialPrescribingWorld())
