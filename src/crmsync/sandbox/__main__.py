"""`python -m crmsync.sandbox hubspot ...`: starts one local CRM and prints where it listens."""

import sys
from collections.abc import Sequence

from crmsync.sandbox.hubspot import server

_USAGE = "usage: crmsync sandbox hubspot --data DIR [--port N] ..."


def main(argv: Sequence[str]) -> int:
    """Hands the arguments to the CRM named first; returns its exit code."""
    if argv and argv[0] == "hubspot":
        return int(server.main(list(argv[1:])))
    reason = "there is no sandbox for Salesforce yet\n" if argv and argv[0] == "salesforce" else ""
    print(f"{reason}{_USAGE}", file=sys.stderr)  # noqa: T201 a command's own message
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
