"""Frozen objects and their copies are what attrs would make, whatever the class is made like."""

import subprocess
import sys

import attrs
import mypy.api
import pytest
from attrs import field

from chargehand.actors.frozen import frozen, replace


@frozen
class Plain:
    x: int
    y: str = "y"


@frozen(slots=False)
class WithDict:
    x: int
    y: str = "y"


@frozen
class Derived:
    x: int
    y: str = "y"
    twice: int = field(init=False)

    @twice.default
    def _twice(self) -> int:
        return 2 * self.x


@frozen
class Checked:
    x: int
    y: str = "y"

    def __attrs_post_init__(self) -> None:
        if self.x == 3:
            raise ValueError("three")


@frozen
class Child(Plain):
    z: int = 1


@frozen
class Private:
    _x: int = 1
    x2: int = 2


@frozen(eq=False)
class Identity:
    x: int


@pytest.mark.parametrize("cls", [Plain, WithDict, Derived, Checked, Child])
def test_a_copy_is_equal_to_the_one_that_attrs_makes(cls):
    original = cls(1)
    copied = replace(original, x=7)
    assert type(copied) is cls
    assert copied == attrs.evolve(original, x=7)
    assert original == cls(1)
    assert hash(copied) == hash(cls(7))
    assert repr(copied) == repr(cls(7))


def test_a_copy_is_checked_as_the_original_was():
    with pytest.raises(ValueError, match="three"):
        replace(Checked(1), x=3)


def test_a_private_field_keeps_its_public_argument():
    assert replace(Private(), x=7) == Private(x=7)


def test_values_are_equal_and_hashed_by_their_fields_unless_told_otherwise():
    assert {Plain(1), Plain(1), Plain(2)} == {Plain(1), Plain(2)}
    assert len({Identity(1), Identity(1)}) == 2


@pytest.mark.parametrize("cls", [Plain, WithDict])
def test_a_field_that_is_not_there_is_an_error(cls):
    with pytest.raises((TypeError, AttributeError)):
        replace(cls(1), z=3)


def test_a_copy_without_changes_is_another_object():
    original = Plain(1)
    copied = replace(original)
    assert copied == original
    assert copied is not original


def test_the_type_checker_refuses_to_set_a_field(tmp_path):
    source = (
        "from chargehand.actors.frozen import frozen, replace\n"
        "@frozen\n"
        "class Point:\n"
        "    x: int\n"
        "replace(Point(1), x=2).x = 3\n"
    )
    path = tmp_path / "point.py"
    path.write_text(source)
    told, failed, status = mypy.api.run(["--strict", str(path)])
    assert (failed, status) == ("", 1)
    assert 'point.py:5: error: Property "x" defined in "Point" is read-only' in told


def test_in_dev_mode_a_field_cannot_be_set_at_all():
    source = (
        "from chargehand.actors.frozen import replace\n"
        "from chargehand.actors.identity import agent_actor\n"
        "copied = replace(agent_actor('s'), ref='t')\n"
        "assert copied.ref == 't'\n"
        "copied.ref = 'u'\n"
    )
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-c", source], capture_output=True, text=True, check=False
    )
    assert "FrozenInstanceError" in run.stderr


def test_fields_are_plain_stores_also_where_a_class_has_converters():
    @frozen
    class Converted:
        x: int = field(converter=int)

    for cls in (Plain, Converted):
        assert cls.__setattr__ is object.__setattr__
    assert replace(Converted("1"), x=2) == Converted("2")
