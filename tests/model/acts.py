"""All that anybody may do next; what is there more than once is done more often."""

from typing import Final

from tests.model.buyers import BUYERS
from tests.model.providers import PROVIDERS
from tests.model.stakers import STAKERS

ACTS: Final = (*PROVIDERS, *BUYERS, *STAKERS)
