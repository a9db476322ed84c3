"""A misspelt variable would have a client ask another server, or be somebody else, unnoticed."""

import pytest

from chargehand.web.cli.environment import KNOWN_VARIABLES
from chargehand.web.settings import all_settings
from tests.cli.answers import answer_by, as_json
from tests.cli.test_start import modules_of

ADDRESS = "tcp://10.0.171.239:2123"
OF_A_SERVICE = {
    f"{service}_{name}": value
    for service in ("CHARGEHAND", "CHARGEHAND_SOCKET", "CHARGEHAND_AGENT", "CHARGEHAND_URL")
    for name, value in {
        "PORT": ADDRESS,
        "SERVICE_HOST": "10.0.171.239",
        "SERVICE_PORT": "2123",
        "SERVICE_PORT_WEB": "2123",
        "PORT_2123_TCP": ADDRESS,
        "PORT_2123_TCP_PROTO": "tcp",
        "PORT_2123_TCP_PORT": "2123",
        "PORT_2123_TCP_ADDR": "10.0.171.239",
    }.items()
}


@pytest.fixture
def stderr_of(bare, monkeypatch):
    """What a command says on stderr where these variables are set."""
    answer_by(monkeypatch, lambda _: as_json(200, {"tasks": []}))

    def output(**variables: str) -> str:
        done = bare.run("task", "list", "--json", **variables)
        assert done.exit_code == 0, done.output
        return done.stderr

    return output


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SOKET", "SOCKET"),
        ("URI", "URL"),
        ("DATADIR", "DATA_DIR"),
        ("TOKN", "TOKEN"),
        ("SESSION", "SESSION_ID"),
        ("AGENT_NAME", "AGENT"),
    ],
)
def test_a_variable_that_is_nearly_a_clients_is_reported_with_the_one_that_may_be_meant(
    stderr_of, name, meant
):
    assert stderr_of(**{f"CHARGEHAND_{name}": "x"}) == (
        f"chargehand: CHARGEHAND_{name} is not known, did you mean CHARGEHAND_{meant}?\n"
    )


@pytest.mark.parametrize("variable", OF_A_SERVICE)
def test_what_kubernetes_sets_for_a_service_is_not_reported(stderr_of, variable):
    assert stderr_of(**{variable: OF_A_SERVICE[variable]}) == ""


@pytest.mark.parametrize("name", ["PORT", "IMAGE", "HOME", "SERVER", "COLOUR", "VERSION"])
def test_what_others_may_have_set_is_not_reported(stderr_of, name):
    assert stderr_of(**{f"CHARGEHAND_{name}": "8080"}) == ""


def test_a_setting_of_a_server_is_not_reported(stderr_of):
    variables = {setting.variable for setting in all_settings()} | {"CHARGEHAND_CONFIG"}
    assert stderr_of(**dict.fromkeys(variables - KNOWN_VARIABLES, "1")) == ""


def test_to_compare_names_is_loaded_only_where_there_is_an_unknown_one(served):
    def loaded(**variables: str) -> dict[str, str | None]:
        return modules_of("task", "list", CHARGEHAND_SOCKET=str(served.socket), **variables)

    assert "chargehand.web.cli.misspelt" not in loaded()
    assert "difflib" not in loaded(**OF_A_SERVICE)
    assert "chargehand.web.settings" not in loaded(CHARGEHAND_COLOUR="1")
