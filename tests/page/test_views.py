"""Every view loads, in silence."""

import pytest
from playwright.sync_api import expect

from tests.page.watched import TABS, VIEWS


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_loads(town, open_page, view):
    page = open_page(view)
    page.live()
