"""Words to name people and streets with. Put together by chance; any likeness to a real person is an accident."""

from __future__ import annotations

FEMALE = (
    "Amina", "Beatrix", "Carmen", "Chloe", "Dalia", "Efua", "Eleni", "Esther", "Fatima", "Freya", "Gabriela", "Hana",
    "Helen", "Ingrid", "Iris", "Jasmin", "Joanne", "Kavita", "Keziah", "Leila", "Lucy", "Mabel", "Marta", "Maureen",
    "Mei", "Nadia", "Ngozi", "Noor", "Olive", "Patience", "Paula", "Rania", "Ritika", "Rosalind", "Ruby", "Sade",
    "Sheila", "Sunita", "Teresa", "Thandi", "Uma", "Valerie", "Winifred", "Yasmin", "Yetunde", "Zofia",
)  # fmt: skip
MALE = (
    "Abdul", "Adrian", "Alfie", "Anton", "Arjun", "Basil", "Bilal", "Brendan", "Cedric", "Clive", "Damian", "Desmond",
    "Dmitri", "Ebo", "Edwin", "Emeka", "Farid", "Femi", "Gideon", "Hamza", "Harold", "Ivan", "Jakub", "Jerome", "Joel",
    "Kenji", "Kofi", "Leonard", "Luca", "Malik", "Mehmet", "Nathan", "Nikos", "Omar", "Patrick", "Pavel", "Rafael",
    "Ravi", "Reuben", "Rohan", "Seamus", "Stefan", "Tariq", "Tunde", "Victor", "Winston", "Yiannis", "Zak",
)  # fmt: skip
FAMILY = (
    "Abernathy", "Adeyemi", "Akhtar", "Anker", "Appleyard", "Aslan", "Balogun", "Banerjee", "Barros", "Beckford",
    "Birdsall", "Bogdan", "Brathwaite", "Cardoso", "Chowdhury", "Clegg", "Cruickshank", "Da Costa", "Danso",
    "Demetriou", "Dhillon", "Dunmore", "Eze", "Fairweather", "Farouk", "Fernandez", "Gallagher", "Georgiou", "Ghosh",
    "Gower", "Hashemi", "Hussain", "Ibrahim", "Ivanova", "Jankowski", "Joseph", "Kaplan", "Kaur", "Kendrick", "Khalil",
    "Kowal", "Lam", "Lazarus", "Lennox", "Lobo", "Mahmood", "Marsden", "Mensah", "Mistry", "Moreau", "Mwangi", "Nair",
    "Nkrumah", "Novak", "O'Dowd", "Odukoya", "Osei", "Ozturk", "Papadakis", "Pereira", "Pham", "Quaye", "Quigley",
    "Rahman", "Rosenthal", "Saleh", "Santos", "Sesay", "Sharma", "Sinnott", "Sorensen", "Tanaka", "Thistlewood", "Tran",
    "Uddin", "Vasquez", "Venn", "Wainwright", "Warsame", "Wickham", "Xu", "Yilmaz", "Zielinski",
)  # fmt: skip
STREETS = (
    "Barge Walk", "Bargeman Street", "Basin Terrace", "Bellfounders Row", "Candlemaker Street", "Chandlers Rise",
    "Cooperage Lane", "Crane Wharf", "Damson Grove", "Dyehouse Close", "Eelpie Court", "Fallowfield Crescent",
    "Ferryman Road", "Glasshouse Mews", "Heron Reach", "Kiln Street", "Lamplighter Road", "Lockside Avenue",
    "Mallard House", "Millrace Road", "Orchard Steps", "Osier Street", "Packet Yard", "Pottery Hill", "Ropewalk Street",
    "Sailmaker Terrace", "Sluice Gardens", "Tannery Row", "Towpath View", "Windvane Hill",
)  # fmt: skip
# The letters C, I, K, M, O and V never end a real postcode, so an inward code that uses them is never real.
INWARD_LETTERS = "CIKMOV"
LANGUAGES = (
    ("bn", "Bengali"), ("pl", "Polish"), ("tr", "Turkish"), ("so", "Somali"), ("ar", "Arabic"), ("pt", "Portuguese"),
    ("es", "Spanish"), ("gu", "Gujarati"), ("ro", "Romanian"), ("ur", "Urdu"),
)  # fmt: skip
# UKCore-EthnicCategoryEngland, in rough London proportions.
ETHNIC_CATEGORIES = (
    ("A", "White - British"), ("A", "White - British"), ("A", "White - British"),
    ("C", "White - Any other White background"),
    ("C", "White - Any other White background"), ("H", "Asian or Asian British - Indian"),
    ("J", "Asian or Asian British - Pakistani"), ("K", "Asian or Asian British - Bangladeshi"),
    ("M", "Black or Black British - Caribbean"), ("N", "Black or Black British - African"),
    ("N", "Black or Black British - African"), ("D", "Mixed - White and Black Caribbean"),
    ("R", "Other Ethnic Groups - Chinese"),
    ("S", "Other Ethnic Groups - Any other ethnic group"), ("Z", "Not stated"),
)  # fmt: skip
