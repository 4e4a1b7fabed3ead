"""pyrevm, the machine of this suite, has wheels for Pythons before 3.12 only."""

import sys

collect_ignore = ["test_tokens.py"] if sys.version_info >= (3, 12) else []
