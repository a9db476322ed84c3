import re
from pathlib import Path

import pytest
from attrs import evolve

from chargehand.actors.settings import Settings
from chargehand.web.exits import ExitCode, Fatal
from chargehand.web.setting_values import LogLevel, ValueForm
from chargehand.web.settings import ServerSettings, all_settings, load


def write(directory: Path, text: str) -> Path:
    path = directory / "chargehand.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(flags=None, environment=None, config=None) -> str:
    with pytest.raises(Fatal) as caught:
        load(flags or {}, environment or {}, config)
    assert caught.value.code is ExitCode.BAD_SETTING
    return str(caught.value)


def test_with_nothing_set_all_is_default():
    configuration = load({}, {})
    assert configuration.server == ServerSettings()
    assert configuration.core == Settings()
    assert configuration.server.address == ("127.0.0.1", 2123)
    assert configuration.server.socket_path == Path("data/chargehand.sock")


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path):
    config = write(tmp_path, "wait_s = 1\ngrace_s = 1\nbody_s = 1\n")
    environment = {"CHARGEHAND_WAIT_S": "2", "CHARGEHAND_GRACE_S": "2"}
    configuration = load({"wait_s": "3"}, environment, config)
    assert configuration.core.wait_s == 3
    assert configuration.server.grace_s == 2
    assert configuration.server.body_s == 1


def test_every_form_of_value_is_read_from_text_and_from_toml(tmp_path):
    config = write(
        tmp_path,
        'data_dir = "/var/lib/x"\nallowed_hosts = ["a.example", "b.example:1"]\n'
        'log_level = "debug"\naccess_log = true\nmax_mailbox = 7\nwait_s = 1.5\n',
    )
    by_text = {
        "CHARGEHAND_DATA_DIR": "/var/lib/x",
        "CHARGEHAND_ALLOWED_HOSTS": "a.example, b.example:1",
        "CHARGEHAND_LOG_LEVEL": "debug",
        "CHARGEHAND_ACCESS_LOG": "yes",
        "CHARGEHAND_MAX_MAILBOX": "7",
        "CHARGEHAND_WAIT_S": "1.5",
    }
    configuration = load({}, {"CHARGEHAND_CONFIG": str(config)})
    assert configuration == load({}, by_text)
    assert configuration.server.allowed_hosts == ("a.example", "b.example:1")
    assert configuration.server.log_level is LogLevel.DEBUG
    assert configuration.server.access_log is True
    assert configuration.core.max_mailbox == 7


def test_a_switch_is_a_truth_value_as_a_flag():
    assert load({"access_log": True}, {"CHARGEHAND_ACCESS_LOG": "off"}).server.access_log is True


def test_unknown_keys_of_a_file_are_named(tmp_path):
    config = write(tmp_path, "wait_s = 1\nwiat_s = 1\nport = 3\n")
    assert (
        refusal(config=config) == f"{config}: unknown settings: port, wiat_s (did you mean wait_s?)"
    )


def test_unknown_variables_are_named_and_ignored():
    """They may be another program's, or somebody's who prefixes his own as we do."""
    environment = {"CHARGEHAND_COLOUR": "1", "CHARGEHAND_CONFIG": "", "OTHER": "1"}
    configuration = load({}, environment)
    [warning] = configuration.warnings
    assert warning == "the environment: unknown settings are ignored: CHARGEHAND_COLOUR"
    assert evolve(configuration, warnings=()) == load({}, {})


def test_a_variable_that_is_nearly_one_is_reported_with_the_one_that_may_be_meant():
    [warning] = load({}, {"CHARGEHAND_DATA_DR": "1"}).warnings
    assert warning.endswith(": CHARGEHAND_DATA_DR (did you mean CHARGEHAND_DATA_DIR?)")


def test_the_variables_that_kubernetes_sets_for_a_service_of_our_name_are_no_settings():
    address = "tcp://10.0.171.239:2123"
    environment = {
        f"{service}_{name}": value
        for service in ("CHARGEHAND", "CHARGEHAND_HTTP")
        for name, value in {
            "SERVICE_HOST": "10.0.171.239",
            "SERVICE_PORT": "2123",
            "SERVICE_PORT_WEB": "2123",
            "PORT": address,
            "PORT_2123_TCP": address,
            "PORT_2123_TCP_PROTO": "tcp",
            "PORT_2123_TCP_PORT": "2123",
            "PORT_2123_TCP_ADDR": "10.0.171.239",
        }.items()
    }
    assert load({}, environment) == load({}, {})


def test_a_port_that_somebody_sets_by_hand_is_no_service_and_is_reported():
    [warning] = load({}, {"CHARGEHAND_PORT": "8080"}).warnings
    assert warning.endswith(": CHARGEHAND_PORT")


@pytest.mark.parametrize("setting", all_settings(), ids=lambda setting: setting.name)
def test_no_setting_has_a_name_that_kubernetes_gives(setting):
    """Else a service of that name would set it."""
    named = re.compile(r"SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_\w+")
    words = setting.name.upper().split("_")
    assert not any(named.fullmatch("_".join(words[at:])) for at in range(len(words)))


@pytest.mark.parametrize(
    ("kind", "form"),
    [(LogLevel | None, ValueForm.LEVEL), (Path | None, ValueForm.PATH), (float, ValueForm.NUMBER)],
)
def test_the_form_of_a_setting_does_not_depend_on_how_python_shows_its_type(kind, form):
    """A path is shown as `pathlib.Path` by some Pythons, as `pathlib._local.Path` by others."""
    assert ValueForm.of(kind) is form


def test_a_file_that_cannot_be_read_is_told_with_who_named_it():
    missing = "/nowhere.toml: No such file or directory"
    assert refusal(config=Path("/nowhere.toml")) == f"--config: {missing}"
    told = refusal(environment={"CHARGEHAND_CONFIG": "/nowhere.toml"})
    assert told == f"CHARGEHAND_CONFIG: {missing}"


def test_defaults_are_shown_as_one_would_write_them():
    shown = {setting.name: setting.shown_default for setting in all_settings()}
    assert (shown["log_level"], shown["access_log"], shown["grace_s"]) == ("info", "false", "10")
    assert shown["allowed_hosts"] == shown["token"] == ""


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("CHARGEHAND_WAIT_S", "soon", "CHARGEHAND_WAIT_S: expected a number, not 'soon'"),
        ("CHARGEHAND_WAIT_S", "nan", "CHARGEHAND_WAIT_S: expected a number, not 'nan'"),
        ("CHARGEHAND_RETAIN_FINISHED_S", "1e300", "must be at most 3,000,000,000 s"),
        ("CHARGEHAND_RETAIN_FINISHED_S", "1e-12", "must be 0 or a nanosecond at least"),
        ("CHARGEHAND_MAX_MAILBOX", "1.5", "expected a whole number"),
        ("CHARGEHAND_MAX_MAILBOX", "0", "CHARGEHAND_MAX_MAILBOX: must be at least 1"),
        ("CHARGEHAND_ACCESS_LOG", "perhaps", "expected true or false"),
        ("CHARGEHAND_LOG_LEVEL", "loud", "expected one of debug, info, warning, error"),
        ("CHARGEHAND_DATA_DIR", "", "CHARGEHAND_DATA_DIR: expected a path, not ''"),
        ("CHARGEHAND_HTTP", "localhost", "CHARGEHAND_HTTP: must be HOST:PORT"),
        ("CHARGEHAND_LANE", "0.0.0.0:1", "CHARGEHAND_LANE: must be a port of this machine alone"),
        ("CHARGEHAND_HTTP", "localhost:99999", "CHARGEHAND_HTTP: "),
        ("CHARGEHAND_GRACE_S", "0", "CHARGEHAND_GRACE_S: must be > 0"),
        ("CHARGEHAND_ALLOWED_ORIGINS", "example.org", "'example.org' is not an origin"),
        ("CHARGEHAND_ALLOWED_HOSTS", "http://x", "is not host[:port]"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_where_it_stands(variable, value, says):
    assert says in refusal(environment={variable: value})


@pytest.mark.parametrize(
    "line",
    ['wait_s = "1"', "wait_s = true", "max_mailbox = 1.5", "allowed_hosts = [1]", "http = 1"],
)
def test_a_value_of_another_type_in_the_file_is_refused(tmp_path, line):
    config = write(tmp_path, line)
    assert refusal(config=config).startswith(f"{config}: {line.split()[0]}: expected ")


def test_a_file_that_is_missing_or_no_toml_is_refused(tmp_path):
    assert refusal(config=tmp_path / "none.toml").endswith("No such file or directory")
    assert "not TOML" in refusal(config=write(tmp_path, "= 3"))


@pytest.mark.parametrize("address", ["0.0.0.0:2123", "[::]:2123", "192.0.2.1:80", "host.example:1"])
def test_listening_beyond_this_machine_needs_a_token(address):
    told = refusal({"http": address})
    assert told.startswith("--http: ")
    assert "set a token" in told
    assert load({"http": address, "token": "x"}, {}).server.http == address


@pytest.mark.parametrize("address", ["localhost:1", "127.0.0.2:1", "[::1]:0"])
def test_listening_on_this_machine_needs_none(address):
    assert load({"http": address}, {}).server.token is None


def test_a_token_is_never_shown(tmp_path):
    assert "s3cret" not in repr(load({"token": "s3cret"}, {}))
    assert "12345" not in refusal(config=write(tmp_path, "token = 12345"))


def test_no_two_settings_share_a_name():
    names = [setting.name for setting in all_settings()]
    assert len(names) == len(set(names))


def test_the_readme_lists_every_setting_as_the_code_has_it():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("| `--")]
    expected = []
    for setting in all_settings():
        cell = f"`{setting.shown_default}`" if setting.shown_default else ""
        expected.append(f"| `{setting.flag}` | {cell} | {setting.help} |")
    assert rows == expected


@pytest.mark.parametrize(
    "address", ["0.0.0.0:2124", "192.0.2.1:2124", "example.org:1", "127.0.0.1", "x"]
)
def test_the_lane_has_a_port_of_this_machine_alone(address):
    told = refusal({"lane": address, "token": "s3cret"})
    assert told.startswith("--lane: ")
    assert "127.0.0.1:2124" in told


@pytest.mark.parametrize("address", ["127.0.0.1:2124", "localhost:0", "[::1]:2124"])
def test_a_lane_on_loopback_is_taken(address):
    assert load({"lane": address}, {}).server.lane == address


def test_no_lane_has_a_port_unless_it_is_set():
    assert load({}, {}).server.lane_address is None


NODE = {"node": "a", "advertise": "10.0.0.1:2125", "cluster_secret": "x"}


def test_a_node_is_not_reached_where_clients_are():
    node = {**NODE, "journal": "postgresql://db/x"}
    for http in ("10.0.0.1:2125", "0.0.0.0:2125", "[::]:2125"):
        told = refusal({**node, "http": http, "token": "t"})
        assert told.startswith(f"--advertise: clients come in at port 2125 already (--http {http})")
        assert "10.0.0.1:2126" in told
    for http in ("10.0.0.2:2125", "0.0.0.0:2123", "127.0.0.1:0"):
        assert load({**node, "http": http, "token": "t"}, {}).server.advertise == "10.0.0.1:2125"


def test_a_secret_of_the_nodes_that_is_empty_is_named_with_how_one_is_made():
    told = refusal(environment={"CHARGEHAND_CLUSTER_SECRET": " "})
    assert told.startswith("CHARGEHAND_CLUSTER_SECRET is empty: ")
    assert "openssl rand -hex 32" in told


@pytest.mark.parametrize("name", ["token", "node"])
def test_a_text_that_is_empty_is_called_so(name):
    variable = f"CHARGEHAND_{name.upper()}"
    assert refusal(environment={variable: ""}) == f"{variable} is empty: set it, or leave it out"
