"""What a local CRM needs whichever CRM it is: clock, faults, request log, rates, sockets."""
