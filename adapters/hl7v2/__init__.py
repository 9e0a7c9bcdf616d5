"""HL7 v2 messages, as hospitals and laboratories send them: read, and received over MLLP into a hosted source.

Never asks anybody for anything: these messages come when the sender sends them, and are kept where its organisation
keeps the rest. Never keeps a message that does not say by two identifiers whom it is about.
"""

from __future__ import annotations
