"""`python -m crmsync.sandbox hubspot|salesforce ...`: starts one local CRM and prints where it listens."""

import sys
from collections.abc import Sequence

_USAGE = "usage: crmsync sandbox hubspot|salesforce --data DIR [--port N] ..."


def main(argv: Sequence[str]) -> int:
    """Hands the arguments to the CRM named first; returns its exit code."""
    # Each is imported where it is started: neither needs what the other is built with.
    if argv and argv[0] == "hubspot":
        from crmsync.sandbox.hubspot import server as hubspot

        return hubspot.main(list(argv[1:]))
    if argv and argv[0] == "salesforce":
        from crmsync.sandbox.salesforce import server as salesforce

        return salesforce.main(list(argv[1:]))
    print(_USAGE, file=sys.stderr)  # noqa: T201 a command's own message
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
