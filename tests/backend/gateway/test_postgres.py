"""The same gateway on PostgreSQL: admission, metering, keys and market, as on SQLite."""

from typing import Any

import pytest

from tests.backend.catalog.test_reviews import TestReviews  # noqa: F401
from tests.backend.gateway.test_inference import (  # noqa: F401 - collected here, on this module's store
    TestConcurrency,
    TestModels,
    TestStream,
    TestWhole,
)
from tests.backend.gateway.test_routes import TestHostile, TestMarket, TestSearch, TestSignIn  # noqa: F401
from tests.backend.gateway.test_services import (  # noqa: F401
    TestData,
    TestInvoke,
    kept,
    key,
    shop,
    tool,
)


@pytest.fixture
def gateway_settings(postgres_url: str) -> dict[str, Any]:
    return {"database_url": postgres_url}
