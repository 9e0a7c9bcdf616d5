"""The habits of the house, kept by a machine: who imports whom, what is documented, what never appears."""
