"""Copies are what `attrs.evolve` would make, whatever the class is made like."""

import attrs
import pytest
from attrs import field, frozen

from actors.frozen import replace


@frozen(weakref_slot=False)
class Fast:
    x: int
    y: str = "y"


@frozen
class Weak:
    x: int
    y: str = "y"


@frozen(slots=False)
class Roomy:
    x: int
    y: str = "y"


@frozen(weakref_slot=False)
class Derived:
    x: int
    y: str = "y"
    twice: int = field(init=False)

    @twice.default
    def _twice(self) -> int:
        return 2 * self.x


@frozen(weakref_slot=False)
class Private:
    _x: int = 1
    x2: int = 2


@pytest.mark.parametrize("cls", [Fast, Weak, Roomy, Derived])
def test_a_copy_is_equal_to_the_one_that_attrs_makes(cls):
    original = cls(1)
    copied = replace(original, x=7)
    assert type(copied) is cls
    assert copied == attrs.evolve(original, x=7)
    assert original == cls(1)
    assert hash(copied) == hash(cls(7))
    assert repr(copied) == repr(cls(7))


def test_a_private_field_keeps_its_public_argument():
    assert replace(Private(), x=7) == Private(x=7)


@pytest.mark.parametrize("cls", [Fast, Weak])
def test_a_copy_is_frozen(cls):
    copied = replace(cls(1), x=2)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        copied.x = 3


@pytest.mark.parametrize("cls", [Fast, Weak])
def test_a_field_that_is_not_there_is_an_error(cls):
    with pytest.raises((TypeError, AttributeError)):
        replace(cls(1), z=3)


def test_a_copy_without_changes_is_another_object():
    original = Fast(1)
    copied = replace(original)
    assert copied == original
    assert copied is not original
