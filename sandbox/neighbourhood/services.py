"""The services of the place, one a row: what is offered, by whom, to whom, where and when. None of them exists."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.neighbourhood import cast

TERMS = ("Debt and money", "Food", "Housing", "Carers", "Company", "Safety at home", "Health", "Getting about")


@dataclass(frozen=True, slots=True)
class Service:
    """``street`` is empty where the address is kept private; ``day`` is an iCalendar weekday (RFC 5545 BYDAY)."""

    name: str
    organisation: cast.Organisation
    term: str
    offers: str
    eligible: str
    street: str
    day: str
    opens: str
    closes: str


SERVICES = (
    Service(
        "Debt advice", cast.LANTERN, "Debt and money", "Help to make sense of debts and agree what to pay",
        "Adults", "2 Pottery Hill", "MO", "09:30", "16:30",
    ),
    Service(
        "Benefits check", cast.LANTERN, "Debt and money", "Find out what you are owed, and help to claim it",
        "Everybody", "2 Pottery Hill", "TU", "10:00", "15:00",
    ),
    Service(
        "Housing advice", cast.LANTERN, "Housing", "Help with arrears, repairs and eviction",
        "Tenants", "2 Pottery Hill", "WE", "10:00", "15:00",
    ),
    Service(
        "Carers' drop-in", cast.CARERS, "Carers", "A cup of tea, and somebody who has been there",
        "Unpaid carers", "14 Heron Reach", "TH", "11:00", "14:00",
    ),
    Service(
        "Carers' breaks", cast.CARERS, "Carers", "A few hours off while a trained sitter stays",
        "Unpaid carers", "14 Heron Reach", "MO", "09:00", "17:00",
    ),
    Service(
        "Young carers' club", cast.CARERS, "Carers", "Games, trips and homework help",
        "Carers under 18", "14 Heron Reach", "FR", "16:00", "18:30",
    ),
    Service(
        "Telephone friends", cast.BEFRIENDING, "Company", "A weekly call from the same volunteer",
        "People over 60", "7 Packet Yard", "MO", "10:00", "16:00",
    ),
    Service(
        "Walk and talk", cast.BEFRIENDING, "Company", "A slow walk by the canal",
        "Everybody", "7 Packet Yard", "SA", "10:30", "12:00",
    ),
    Service(
        "Social prescribing", cast.BEFRIENDING, "Health", "Time with a link worker to find what would help",
        "Anybody registered with a local practice", "7 Packet Yard", "WE", "09:00", "17:00",
    ),
    Service(
        "Advocacy for people living with abuse", cast.SALTGATE, "Safety at home",
        "Confidential help to be safe, at any pace", "Anybody aged 16 or over", "", "MO", "09:00", "21:00",
    ),
    Service(
        "Safe homes", cast.SALTGATE, "Safety at home", "Locks, lights and alarms, fitted free",
        "People at risk from a partner", "", "TU", "09:00", "17:00",
    ),
    Service(
        "Food bank", cast.LARDER, "Food", "Three days of food, with a referral or without",
        "Everybody", "31 Kiln Street", "FR", "12:00", "16:00",
    ),
    Service(
        "Community lunch", cast.LARDER, "Food", "A hot meal around one table",
        "Everybody", "31 Kiln Street", "SU", "12:30", "14:30",
    ),
    Service(
        "Housing options", cast.COUNCIL, "Housing", "If you may lose your home, or have lost it",
        "Residents of the borough", "1 Basin Terrace", "MO", "09:00", "16:00",
    ),
    Service(
        "Adult social care front door", cast.COUNCIL, "Health", "Ask for help with daily life",
        "Adults", "1 Basin Terrace", "TU", "09:00", "17:00",
    ),
    Service(
        "Dial-a-bus", cast.COUNCIL, "Getting about", "A minibus from door to door",
        "People who cannot use buses", "1 Basin Terrace", "WE", "08:00", "18:00",
    ),
    Service(
        "Blood pressure check", cast.TOWPATH_PHARMACY, "Health", "No appointment, and the result goes to your practice",
        "Adults over 40", "5 Lockside Avenue", "MO", "09:00", "18:00",
    ),
    Service(
        "Hospice at home", cast.ST_EADWEN, "Health", "Nursing at home near the end of life",
        "Adults referred by a clinician", "22 Damson Grove", "MO", "00:00", "23:59",
    ),
)  # fmt: skip
