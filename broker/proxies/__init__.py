"""Who may act for a resident, on what legal basis, how far and until when. No HTTP."""
