"""`python -m crmsync.sandbox hubspot|salesforce ...`: starts one local CRM and prints where it listens."""

import importlib
import sys
from collections.abc import Sequence

_SERVERS = {"hubspot": "crmsync.sandbox.hubspot.server", "salesforce": "crmsync.sandbox.salesforce.server"}


def main(argv: Sequence[str]) -> int:
    """Hands the arguments to the CRM named first; returns its exit code."""
    if not argv or argv[0] not in _SERVERS:
        print(f"usage: python -m crmsync.sandbox {{{'|'.join(_SERVERS)}}} --data DIR [--port N] ...", file=sys.stderr)  # noqa: T201 a command's own message
        return 1
    server = importlib.import_module(_SERVERS[argv[0]])
    return int(server.main(list(argv[1:])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
