"""The interfaces of this package: what is on the wire, and that every field says what it means."""
import re
from pathlib import Path

import pytest

hdnet_msgs = pytest.importorskip('hdnet_ros.msg', reason='needs the built messages: ./run test builds them')

MSG_FOLDER = Path(__file__).parent.parent / 'msg'


def fields(message):
    """Return {name: type} in the order of the wire."""
    return message.get_fields_and_field_types()


def test_person_root_array_fields():
    assert list(fields(hdnet_msgs.PersonRootArray).items()) == [
        ('header', 'std_msgs/Header'), ('estimator', 'string'), ('persons', 'sequence<hdnet_ros/PersonRoot>')]


def test_person_root_fields():
    assert list(fields(hdnet_msgs.PersonRoot).items()) == [
        ('id', 'string'),
        ('score', 'float'),
        ('existence', 'float'),
        ('child_probability', 'float'),
        ('box', 'vision_msgs/BoundingBox2D'),
        ('root_pose', 'geometry_msgs/PoseWithCovariance'),
        ('has_velocity', 'boolean'),
        ('root_velocity', 'geometry_msgs/TwistWithCovariance'),
        ('depth_sigma_m', 'float'),
        ('normalised_depth', 'float'),
        ('focal_px', 'float'),
        ('patch_px', 'float'),
        ('patch_focal_px', 'float'),
        ('implied_stature_m', 'float'),
        ('flags', 'uint32'),
        ('keypoints', 'hdnet_ros/Keypoint[17]'),
    ]


def test_keypoint_fields():
    assert list(fields(hdnet_msgs.Keypoint).items()) == [
        ('u_px', 'float'), ('v_px', 'float'), ('confidence', 'float'),
        ('has_point', 'boolean'), ('point_m', 'geometry_msgs/Point')]


def test_flags_are_the_bits_of_the_core():
    from hdnet_ros.core.types import PersonFlags
    # Up to Python 3.10 an empty flag is iterated over too.
    bits = {flag.name: flag.value for flag in PersonFlags if flag.value}
    assert bits == {
        'TRUNCATED_BOX': 1, 'OUT_OF_TRAINED_RANGE': 2, 'IMPLAUSIBLE_HEIGHT': 4, 'UNTRACKED_ID': 8,
        'SHARED_JOINTS': 16, 'NOBODY': 32}
    assert all(getattr(hdnet_msgs.PersonRoot, name) == bit for name, bit in bits.items())


def test_keypoint_constants_are_the_joints_of_the_core():
    from hdnet_ros.core.skeleton import JOINT_NAMES
    assert hdnet_msgs.PersonRoot.KEYPOINT_COUNT == len(JOINT_NAMES) == 17
    # The root joint is the pelvis: its name in the core may be either.
    for index, joint in list(enumerate(JOINT_NAMES))[1:]:
        assert getattr(hdnet_msgs.PersonRoot, joint.upper()) == index
    assert hdnet_msgs.PersonRoot.PELVIS == 0


@pytest.mark.parametrize('path', sorted(MSG_FOLDER.glob('*.msg')), ids=lambda path: path.stem)
def test_every_field_is_explained(path):
    lines = path.read_text().splitlines()
    declarations = [i for i, line in enumerate(lines) if re.match(r'[A-Za-z]', line)]
    unexplained = [lines[i] for i in declarations
                   if '#' not in lines[i] and not lines[i - 1].startswith('#') and '=' not in lines[i]]
    assert unexplained == []


def test_messages_survive_serialisation():
    from rclpy.serialization import deserialize_message, serialize_message
    person = hdnet_msgs.PersonRoot(id='p7', normalised_depth=float('nan'), flags=5)
    person.keypoints[16].u_px = 12.5
    person.root_pose.pose.position.z = 4.25
    array = hdnet_msgs.PersonRootArray(estimator='box-height', persons=[person])
    back = deserialize_message(serialize_message(array), hdnet_msgs.PersonRootArray)
    assert (back.persons[0].id, back.persons[0].flags, back.persons[0].root_pose.pose.position.z) == ('p7', 5, 4.25)
    assert back.persons[0].keypoints[16].u_px == 12.5
    assert back.persons[0].normalised_depth != back.persons[0].normalised_depth
