"""The table of settings, what is written from it, and values that files and text give."""

from pathlib import Path

import click
import pytest
import yaml

from hdnet_ros.cli.commands.setting_options import settings_of
from hdnet_ros.locate.factory import EstimatorSettings
from hdnet_ros.pipeline.setting import SettingError, filled, from_file
from hdnet_ros.pipeline.settings import HDNET_SETTINGS, SETTINGS
from hdnet_ros.pipeline.settings_text import as_markdown, as_yaml

CONFIG = Path(__file__).resolve().parents[2] / "config" / "hdnet.yaml"


def test_the_parameter_file_is_what_the_table_writes():
    assert CONFIG.read_text() == as_yaml(), "python -m hdnet_ros.pipeline.settings_text > config/hdnet.yaml"


def test_the_parameter_file_gives_every_default():
    read = yaml.safe_load(as_yaml())
    for node, table in SETTINGS.items():
        values = read[f"/**/{node}"]["ros__parameters"]
        assert values == {setting.name: setting.default for setting in table}
        assert all(type(values[setting.name]) is type(setting.default) for setting in table)


def test_every_default_is_a_value_that_its_setting_takes():
    units = {"_s": "s", "_ms": "ms", "_m": "m", "_hz": "Hz", "_rad": "rad", "_px": "px"}
    for table in SETTINGS.values():
        assert filled(table, {}) == {setting.name: setting.checked(setting.default) for setting in table}
        for setting in table:
            suffix = "_" + setting.name.rpartition("_")[2]
            assert setting.unit == units.get(suffix, ""), setting.name


def test_the_estimators_settings_are_the_tables():
    values = filled(HDNET_SETTINGS, {})
    assert EstimatorSettings() == EstimatorSettings(**{n: values[n] for n in EstimatorSettings.__dataclass_fields__})


def test_the_reference_names_unit_range_choices_and_effect():
    text = as_markdown("hdnet_node")
    (line,) = [line for line in text.splitlines() if line.startswith("| `stature_m`")]
    assert line == (
        "| `stature_m` | double | `1.7` | height of everybody for the box-height estimator [m]; takes effect when "
        "the node is configured; range 0.3 to 2.5 |"
    )
    (line,) = [line for line in text.splitlines() if line.startswith("| `outputs`")]
    assert "string[]" in line and "each one of people, ros4hri, cohan, ground_points" in line


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"statur_m": "1"}, "'statur_m' is unknown, did you mean stature_m?"),
        ({"x": "1"}, "'x' is unknown, expected one of auto_activate"),
        ({"stature_m": "9"}, "stature_m is 9.0, expected 0.3 to 2.5"),
        ({"max_people": "many"}, "max_people is 'many', expected a int"),
        ({"max_people": "1.5"}, "max_people is 1.5, expected a int"),
        ({"max_people": True}, "max_people is True, expected a int"),
        ({"class_ids": "person"}, r"expected a string\[\]"),
        ({"class_ids": [1]}, r"expected a string\[\]"),
        ({"class_ids": "["}, "class_ids"),
        ({"estimator": "box-hight"}, "estimator is 'box-hight', expected one of .*did you mean box-height?"),
        ({"outputs": ["people", "nav2"]}, "outputs is 'nav2'"),
    ],
)
def test_what_does_not_fit_is_told(given, told):
    with pytest.raises(SettingError, match=told):
        filled(HDNET_SETTINGS, given)


def test_given_values_count_more_than_the_files(tmp_path):
    file = tmp_path / "node.yaml"
    file.write_text("/**/hdnet_node: {ros__parameters: {stature_m: 1.6, max_people: 7}}")
    given = {"max_people": "9", "publish_tf": "false", "min_score": None}
    options = settings_of(HDNET_SETTINGS, "hdnet_node", str(file), given)
    assert (options["stature_m"], options["max_people"], options["publish_tf"]) == (1.6, 9, False)
    with pytest.raises(click.ClickException, match="did you mean stature_m"):
        settings_of(HDNET_SETTINGS, "hdnet_node", None, {"statur_m": "1"})


@pytest.mark.parametrize(
    "text",
    [
        "hdnet_node: {ros__parameters: {max_people: 7}}",
        "/hdnet_node: {ros__parameters: {max_people: 7}}",
        "/robot/front/hdnet_node: {ros__parameters: {max_people: 7}}",
        "robot: {front: {hdnet_node: {ros__parameters: {max_people: 7}}}}",
        "/**: {ros__parameters: {max_people: 7, other_nodes_own: 3}}",
        "/*: {ros__parameters: {max_people: 7}}",
        "/**: {ros__parameters: {max_people: 5}}\nhdnet_node: {ros__parameters: {max_people: 7}}",
        "hdnet_node: {ros__parameters: {max_people: 7, use_sim_time: true, qos_overrides: {/image: {subscription: {depth: 1}}}}}",
        "hdnet_node: {ros__parameters: {max_people: 7}}\nother_node: {ros__parameters: {max_people: 9}}\nodd: 3",
    ],
)
def test_files_that_a_node_takes_are_taken(tmp_path, text):
    (tmp_path / "p.yaml").write_text(text)
    values, remarks = from_file(tmp_path / "p.yaml", HDNET_SETTINGS, "hdnet_node")
    assert values == {"max_people": 7} and remarks == []


def test_a_files_unknown_name_is_told_with_the_nearest(tmp_path):
    (tmp_path / "p.yaml").write_text("hdnet_node: {ros__parameters: {max_peple: 7}}")
    values, remarks = from_file(tmp_path / "p.yaml", HDNET_SETTINGS, "hdnet_node")
    assert values == {}
    assert remarks == [f"{tmp_path}/p.yaml: parameter 'max_peple' is unknown to hdnet_node, did you mean max_people?"]


@pytest.mark.parametrize("content", [b"- 1\n- 2", b"a: [", b"\xff\xfe"])
def test_a_file_that_is_none_is_named(tmp_path, content):
    (tmp_path / "p.yaml").write_bytes(content)
    with pytest.raises(SettingError, match="p.yaml"):
        from_file(tmp_path / "p.yaml", HDNET_SETTINGS, "hdnet_node")
