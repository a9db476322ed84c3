"""docs/reference.md is what the source says."""

import inspect

import pytest

import chargehand
from tests.reference.page import PAGE, page


def test_the_reference_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make reference`"


@pytest.mark.parametrize("name", chargehand.__all__)
def test_every_public_name_and_method_has_a_docstring(name):
    thing = getattr(chargehand, name)
    assert inspect.getdoc(thing)
    if inspect.isclass(thing):
        members = [value for member, value in vars(thing).items() if not member.startswith("_")]
        assert [one for one in members if inspect.isfunction(one) and not inspect.getdoc(one)] == []
