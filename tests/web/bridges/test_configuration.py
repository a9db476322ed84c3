"""The [[bridges]] tables: what is wrong is said in a line that names the bridge and the key."""

import pytest

from chargehand.actors.task.state import Scope
from chargehand.web.bridges.configuration import Webhook
from chargehand.web.exits import ExitCode, Fatal
from chargehand.web.settings import load

ONE = 'id = "ops"\nurl = "http://127.0.0.1:9/hook"\nsecret = "s"\n'


def bridges(tmp_path, *tables):
    path = tmp_path / "chargehand.toml"
    path.write_text("".join(f"[[bridges]]\n{table}\n" for table in tables), encoding="utf-8")
    return load({}, {}, path).bridges


def refusal(tmp_path, *tables):
    with pytest.raises(Fatal) as caught:
        bridges(tmp_path, *tables)
    assert caught.value.code is ExitCode.BAD_SETTING
    text = str(caught.value)
    assert str(tmp_path / "chargehand.toml") in text
    return text.replace(str(tmp_path / "chargehand.toml"), "FILE")


def with_(**changes):
    """The table of one bridge with some lines of TOML for keys; None leaves a key out."""
    lines = dict(line.split(" = ", 1) for line in ONE.splitlines())
    lines |= changes
    return "\n".join(f"{key} = {value}" for key, value in lines.items() if value is not None)


def test_without_any_there_is_none(tmp_path):
    assert bridges(tmp_path) == ()
    assert load({}, {}).bridges == ()


def test_what_is_not_said_has_its_default(tmp_path):
    assert bridges(tmp_path, ONE) == (
        Webhook("ops", Scope.GLOBAL, None, "http://127.0.0.1:9/hook", (b"s",), 10.0, True),
    )


def test_all_of_it_can_be_said_beside_other_settings(tmp_path):
    path = tmp_path / "chargehand.toml"
    path.write_text(
        "wait_s = 3\n"
        "[[bridges]]\n"
        'id = "shop"\nscope = "workspace"\nworkspace = "/srv/shop"\n'
        'url = "https://example.org/hook?a=b"\nsecret = "whsec_aGVsbG8="\n'
        "timeout_seconds = 2.5\nenabled = false\n",
        encoding="utf-8",
    )
    configuration = load({}, {}, path)
    assert configuration.core.wait_s == 3
    assert configuration.bridges == (
        Webhook(
            "shop",
            Scope.WORKSPACE,
            "/srv/shop",
            "https://example.org/hook?a=b",
            (b"hello",),
            2.5,
            False,
        ),
    )


def test_a_workspace_makes_the_scope(tmp_path):
    (bridge,) = bridges(tmp_path, with_(workspace='"shop"'))
    assert (bridge.scope, bridge.workspace) == (Scope.WORKSPACE, "shop")


def test_there_may_be_several_secrets_while_one_is_rotated(tmp_path):
    (bridge,) = bridges(tmp_path, with_(secret='["whsec_aGVsbG8=", "old"]'))
    assert bridge.keys == (b"hello", b"old")


@pytest.mark.parametrize("secret", ['"hunter2"', '["new", "hunter2"]'])
def test_a_secret_is_not_shown_by_accident(tmp_path, secret):
    (bridge,) = bridges(tmp_path, with_(secret=secret))
    assert "hunter2" not in repr(bridge)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": None}, "id: is missing"),
        ({"id": '" "'}, "id: expected a text that is not empty"),
        ({"id": "7"}, "id: expected a text that is not empty"),
        ({"id": '"' + "b" * 129 + '"'}, "id: longer than 128 characters"),
        ({"url": None}, "url: is missing"),
        ({"url": '"ftp://h/"'}, "url: expected http://HOST/PATH or https://HOST/PATH"),
        ({"url": '"http://"'}, "url: expected http://HOST/PATH"),
        ({"url": '"http://h:x/"'}, "url: expected http://HOST/PATH"),
        ({"url": '"http://h:99999/"'}, "url: expected http://HOST/PATH"),
        ({"url": '"http://h/a b"'}, "url: expected http://HOST/PATH"),
        ({"url": '"http://[::1/"'}, "url: expected http://HOST/PATH"),
        ({"url": '"http://user:word@h/"'}, "url: must not hold a user or password"),
        ({"url": '"http://h/#part"'}, "url: must not hold a fragment"),
        ({"secret": None}, "secret: is missing: every message is signed with it"),
        ({"secret": '""'}, "secret: is empty"),
        ({"secret": "7"}, "secret: expected a text, or a list of 1 to 4 texts"),
        ({"secret": "[]"}, "secret: expected a text, or a list of 1 to 4 texts"),
        ({"secret": '["a", 7]'}, "secret: expected a text, or a list of 1 to 4 texts"),
        ({"secret": '["a", "b", "c", "d", "e"]'}, "secret: expected a text, or a list of 1 to 4"),
        ({"secret": '["a", " "]'}, "secret: is empty"),
        ({"secret": '"whsec_?"'}, "secret: begins with whsec_, but what follows is not base64"),
        ({"scope": '"world"'}, "scope: expected global or workspace, not 'world'"),
        ({"scope": "1"}, "scope: expected global or workspace, not 1"),
        (
            {"scope": '"workspace"'},
            "workspace: a bridge of scope workspace must name its workspace",
        ),
        (
            {"scope": '"global"', "workspace": '"shop"'},
            "workspace: a bridge of scope global has none",
        ),
        ({"workspace": '""'}, "workspace: expected a text that is not empty"),
        ({"timeout_seconds": "0"}, "timeout_seconds: expected a number above 0 and up to 300"),
        ({"timeout_seconds": "301"}, "timeout_seconds: expected a number"),
        ({"timeout_seconds": "nan"}, "timeout_seconds: expected a number"),
        ({"timeout_seconds": "true"}, "timeout_seconds: expected a number"),
        ({"timeout_seconds": '"1"'}, "timeout_seconds: expected a number"),
        ({"enabled": '"yes"'}, "enabled: expected true or false, not 'yes'"),
        ({"enabled": "1"}, "enabled: expected true or false, not 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, changes, said):
    assert refusal(tmp_path, with_(**changes)).startswith(f"FILE: [[bridges]] number 1: {said}")


def test_unknown_keys_are_refused_with_those_that_are_known(tmp_path):
    said = refusal(tmp_path, with_(uri='"x"'))
    assert "unknown keys: uri; known are id, scope, workspace, url, secret" in said


def test_no_two_have_the_same_id(tmp_path):
    assert refusal(tmp_path, ONE, ONE) == (
        "FILE: [[bridges]] number 2: id: 'ops' is the id of another bridge, too"
    )


@pytest.mark.parametrize("text", ["bridges = 1", 'bridges = ["a"]', "[bridges]\nid = 'a'"])
def test_something_else_than_tables_is_refused(tmp_path, text):
    path = tmp_path / "chargehand.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Fatal, match=r"bridges: expected \[\[bridges\]\] tables"):
        load({}, {}, path)


def test_neither_secrets_nor_urls_are_reported(tmp_path):
    said = refusal(tmp_path, with_(secret='"whsec_hunter2!"', url='"http://h/hunter3"'))
    assert "hunter" not in said
    assert "hunter" not in refusal(tmp_path, with_(secret='["a", "whsec_hunter2!"]'))
    assert "hunter" not in refusal(tmp_path, with_(url='"nowhere://h/hunter3"'))


def test_the_environment_has_none(tmp_path):
    configuration = load({}, {"CHARGEHAND_BRIDGES": "x"})
    assert configuration.bridges == ()
    assert "CHARGEHAND_BRIDGES" in configuration.warnings[0]
