"""pyrevm, the fast machine of these tests, has wheels for Pythons before 3.12 only."""

import sys

collect_ignore = (
    ["test_model.py", "test_events.py", "test_state.py", "test_counters.py"]
    if sys.version_info >= (3, 12)
    else []
)
