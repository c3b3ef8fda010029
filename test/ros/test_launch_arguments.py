"""What launch files make of their arguments."""

import pytest

from hdnet_ros.ros.launch_arguments import (
    camera_topic,
    cameras,
    dds_profile,
    existing_file,
    flag,
    missing_executable,
    namespace,
    split_namespace,
)


@pytest.mark.parametrize("text", ["true", "True", "yes", "on", "1", " TRUE "])
def test_what_says_yes_is_true(text):
    assert flag("use_sim_time", text) is True


@pytest.mark.parametrize("text", ["false", "no", "Off", "0"])
def test_what_says_no_is_false(text):
    assert flag("use_sim_time", text) is False


@pytest.mark.parametrize("text", ["", "ture", "2"])
def test_what_says_neither_is_named(text):
    with pytest.raises(ValueError, match=f"use_sim_time:={text}: expected true or false"):
        flag("use_sim_time", text)


@pytest.mark.parametrize(
    ("text", "found"),
    [("", ""), ("/", ""), ("front", "front"), ("/front", "front"), ("robot/front/", "robot/front")],
)
def test_slashes_around_a_namespace_do_not_count(text, found):
    assert namespace("namespace", text) == found


@pytest.mark.parametrize("text", ["front-left", "2nd", "a//b", "a b", "vorne_ü"])
def test_a_namespace_that_ros_refuses_is_named(text):
    with pytest.raises(ValueError, match="is no name in ROS, expected letters, digits and underscores"):
        namespace("namespace", text)


def test_cameras_stand_with_spaces_or_commas_and_differ():
    assert cameras("front /rear,robot/left") == ["front", "rear", "robot/left"]
    assert cameras("") == []
    with pytest.raises(ValueError, match="comes twice"):
        cameras("front /front")
    with pytest.raises(ValueError, match="'front-left' is no name in ROS"):
        cameras("front-left rear")


@pytest.mark.parametrize(
    ("camera", "topic", "found"),
    [
        ("", "image_raw", "image_raw"),
        ("", "/camera/image_raw", "/camera/image_raw"),
        ("", "~/image", "~/image"),
        ("front", "image_raw", "front/image_raw"),
    ],
)
def test_a_topic_lies_in_the_namespace_of_its_camera(camera, topic, found):
    assert camera_topic(camera, "image", topic) == found


@pytest.mark.parametrize("topic", ["/image_raw", "~/image_raw"])
def test_several_cameras_do_not_share_an_absolute_topic(topic):
    with pytest.raises(ValueError, match="with several cameras expected a name relative to each"):
        camera_topic("front", "image", topic)


@pytest.mark.parametrize("topic", ["", "/", "image-raw", "a//b"])
def test_a_topic_that_ros_refuses_is_named(topic):
    with pytest.raises(ValueError, match=f"image:={topic}: "):
        camera_topic("", "image", topic)


def test_a_namespace_is_split_into_the_last_part_and_the_rest():
    assert split_namespace("robot/front") == ("robot", "front")
    assert split_namespace("camera") == ("", "camera")


def test_a_file_that_is_not_there_is_named(tmp_path):
    (tmp_path / "there.yaml").write_text("{}")
    assert existing_file("params_file", str(tmp_path / "there.yaml")) == str(tmp_path / "there.yaml")
    with pytest.raises(ValueError, match="params_file:=.*gone.yaml: there is no such file"):
        existing_file("params_file", str(tmp_path / "gone.yaml"))


def test_what_is_not_installed_is_named_with_its_apt_package(monkeypatch):
    pytest.importorskip("ament_index_python", reason="ROS 2 is not in this environment")
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    told = missing_executable("no_such_driver", "node")
    assert told == "the package no_such_driver is not installed: apt install ros-jazzy-no-such-driver"


def test_the_profile_is_set_unless_the_user_has_one():
    both = {"FASTRTPS_DEFAULT_PROFILES_FILE": "/ours.xml", "FASTDDS_DEFAULT_PROFILES_FILE": "/ours.xml"}
    assert dds_profile({}, "/ours.xml") == (both, "")
    assert dds_profile(both, "/ours.xml") == ({}, "")
    variables, told = dds_profile({"FASTRTPS_DEFAULT_PROFILES_FILE": "/robot.xml"}, "/ours.xml")
    assert variables == {}
    assert told.startswith("FASTRTPS_DEFAULT_PROFILES_FILE=/robot.xml stays in force.") and "/ours.xml" in told


def test_a_copy_of_the_profile_is_the_profile(tmp_path):
    for name in ("ours.xml", "copy.xml"):
        (tmp_path / name).write_text("<profiles/>")
    copy = {"FASTDDS_DEFAULT_PROFILES_FILE": str(tmp_path / "copy.xml")}
    assert dds_profile(copy, str(tmp_path / "ours.xml")) == ({}, "")
