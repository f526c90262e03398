"""crmsync: plans and applies account programmes in a CRM from rules kept in git."""

import os

__version__ = "0.1.0"

# The allocator of the column engine gives memory back after half a second, rather than ten, and keeps two pools of it
# instead of four a core: a large plan peaks a fifth lower, at the same CPU. It reads this when it is loaded, which is
# after this package; who has set it says otherwise.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:500,muzzy_decay_ms:0,narenas:2")
