"""Write the next numbered step: ``python -m broker.migrations "add a place's boundary"``. Changes no database."""

from __future__ import annotations

import sys

from broker.migrations import write_step

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('say what the step does: python -m broker.migrations "add a place\'s boundary"')
    print(write_step(sys.argv[1]))
