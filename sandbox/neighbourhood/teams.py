"""The integrated neighbourhood teams, and who is in each, in which tier. Belonging to one opens nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass

from broker.vocabulary import Tier
from sandbox.neighbourhood import cast, staff


@dataclass(frozen=True, slots=True)
class Team:
    """An integrated neighbourhood team; members are (organisation, person's id or None, tier)."""

    id: str
    name: str
    neighbourhood: str
    members: tuple[tuple[str, str | None, Tier], ...]


# Organisations that serve both neighbourhoods; the practice, and the pharmacy in Canalside, differ.
_SHARED: tuple[tuple[str, str | None, Tier], ...] = (
    (cast.BEFRIENDING.code, staff.LINK_WORKER.id, Tier.HYPER_LOCAL),
    (cast.THAMESWAY.code, staff.DISTRICT_NURSE.id, Tier.CONSISTENT),
    (cast.THAMESWAY.code, staff.THERAPIST.id, Tier.CONSISTENT),
    (cast.COUNCIL.code, staff.SOCIAL_WORKER.id, Tier.CONSISTENT),
    (cast.FAIRLIGHT.code, staff.CRISIS_NURSE.id, Tier.CONSISTENT),
    (cast.COUNCIL.code, staff.HOUSING_OFFICER.id, Tier.TAILORED),
    (cast.COUNCIL.code, staff.CHILDRENS_WORKER.id, Tier.TAILORED),
    (cast.CARERS.code, staff.CARERS_WORKER.id, Tier.TAILORED),
    (cast.LANTERN.code, staff.PRIYA.id, Tier.TAILORED),
    (cast.ST_BRANNOC.code, staff.DR_KEANE.id, Tier.ALIGNED),
    (cast.FAIRLIGHT.code, staff.DR_VOSS.id, Tier.ALIGNED),
    (cast.ST_EADWEN.code, staff.HOSPICE_NURSE.id, Tier.ALIGNED),
)
CANALSIDE_TEAM = Team(
    "canalside-team",
    "Canalside neighbourhood team",
    cast.CANALSIDE.code,
    (
        (cast.LOCK_KEEPERS.code, None, Tier.HYPER_LOCAL),
        (cast.LOCK_KEEPERS.code, staff.DR_OKAFOR.id, Tier.HYPER_LOCAL),
        (cast.LOCK_KEEPERS.code, staff.COORDINATOR.id, Tier.HYPER_LOCAL),
        (cast.TOWPATH_PHARMACY.code, staff.PHARMACIST.id, Tier.HYPER_LOCAL),
        *_SHARED,
    ),
)
HILLTOP_TEAM = Team(
    "hilltop-team",
    "Hilltop neighbourhood team",
    cast.HILLTOP.code,
    (
        (cast.HILLTOP_PRACTICE.code, None, Tier.HYPER_LOCAL),
        (cast.HILLTOP_PRACTICE.code, staff.DR_LINDQVIST.id, Tier.HYPER_LOCAL),
        (cast.HILLTOP_PRACTICE.code, staff.HILLTOP_COORDINATOR.id, Tier.HYPER_LOCAL),
        *_SHARED,
    ),
)
TEAMS = (CANALSIDE_TEAM, HILLTOP_TEAM)
