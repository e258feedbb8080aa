"""`python -m mmdgen`."""

from __future__ import annotations

from mmdgen.cli.main import main

if __name__ == "__main__":
    main()
