"""vision_msgs 4.1, tf2_msgs and the messages for planners: fields, order, types and constants as upstream."""
import importlib

import pytest

vision_msgs = pytest.importorskip('vision_msgs.msg', reason='needs ROS 2 or the built underlay: ./run test builds it')
tf2_msgs = pytest.importorskip('tf2_msgs.msg', reason='needs ROS 2 or the built underlay: ./run test builds it')

HEADER = ('header', 'std_msgs/Header')
HYPOTHESES = ('results', 'sequence<vision_msgs/ObjectHypothesisWithPose>')

VISION_MSGS = {
    'BoundingBox2D': [('center', 'vision_msgs/Pose2D'), ('size_x', 'double'), ('size_y', 'double')],
    'BoundingBox2DArray': [HEADER, ('boxes', 'sequence<vision_msgs/BoundingBox2D>')],
    'BoundingBox3D': [('center', 'geometry_msgs/Pose'), ('size', 'geometry_msgs/Vector3')],
    'BoundingBox3DArray': [HEADER, ('boxes', 'sequence<vision_msgs/BoundingBox3D>')],
    'Classification': [HEADER, ('results', 'sequence<vision_msgs/ObjectHypothesis>')],
    'Detection2D': [HEADER, HYPOTHESES, ('bbox', 'vision_msgs/BoundingBox2D'), ('id', 'string')],
    'Detection2DArray': [HEADER, ('detections', 'sequence<vision_msgs/Detection2D>')],
    'Detection3D': [HEADER, HYPOTHESES, ('bbox', 'vision_msgs/BoundingBox3D'), ('id', 'string')],
    'Detection3DArray': [HEADER, ('detections', 'sequence<vision_msgs/Detection3D>')],
    'LabelInfo': [HEADER, ('class_map', 'sequence<vision_msgs/VisionClass>'), ('threshold', 'float')],
    'ObjectHypothesis': [('class_id', 'string'), ('score', 'double')],
    'ObjectHypothesisWithPose': [('hypothesis', 'vision_msgs/ObjectHypothesis'),
                                 ('pose', 'geometry_msgs/PoseWithCovariance')],
    'Point2D': [('x', 'double'), ('y', 'double')],
    'Pose2D': [('position', 'vision_msgs/Point2D'), ('theta', 'double')],
    'VisionClass': [('class_id', 'uint16'), ('class_name', 'string')],
    'VisionInfo': [HEADER, ('method', 'string'), ('database_location', 'string'), ('database_version', 'int32')],
}


@pytest.mark.parametrize('name', sorted(VISION_MSGS))
def test_vision_msgs_fields(name):
    assert list(getattr(vision_msgs, name).get_fields_and_field_types().items()) == VISION_MSGS[name]


def test_tf2_msgs_fields():
    assert list(tf2_msgs.TFMessage.get_fields_and_field_types().items()) == [
        ('transforms', 'sequence<geometry_msgs/TransformStamped>')]
    assert list(tf2_msgs.TF2Error.get_fields_and_field_types().items()) == [
        ('error', 'uint8'), ('error_string', 'string')]


def test_tf2_error_constants():
    names = ['NO_ERROR', 'LOOKUP_ERROR', 'CONNECTIVITY_ERROR', 'EXTRAPOLATION_ERROR',
             'INVALID_ARGUMENT_ERROR', 'TIMEOUT_ERROR', 'TRANSFORM_ERROR']
    assert [getattr(tf2_msgs.TF2Error, name) for name in names] == [0, 1, 2, 3, 4, 5, 6]


def test_frame_graph_service_fields():
    frame_graph = importlib.import_module('tf2_msgs.srv').FrameGraph
    assert not [name for name in frame_graph.Request.get_fields_and_field_types() if 'needs_at_least' not in name]
    assert frame_graph.Response.get_fields_and_field_types() == {'frame_yaml': 'string'}


def test_lookup_transform_action_fields():
    action = importlib.import_module('tf2_msgs.action').LookupTransform
    assert list(action.Goal.get_fields_and_field_types().items()) == [
        ('target_frame', 'string'), ('source_frame', 'string'), ('source_time', 'builtin_interfaces/Time'),
        ('timeout', 'builtin_interfaces/Duration'), ('target_time', 'builtin_interfaces/Time'),
        ('fixed_frame', 'string'), ('advanced', 'boolean')]
    assert list(action.Result.get_fields_and_field_types().items()) == [
        ('transform', 'geometry_msgs/TransformStamped'), ('error', 'tf2_msgs/TF2Error')]


# hri_msgs 2.0 (ros4hri, branch humble-devel), people_msgs 1.3 (wg-perception/people, branch ros2) and cohan_msgs
# of CoHAN-Nav2 (branch main); of each only what the node publishes.
PLANNER_MSGS = {
    'hri_msgs/IdsList': [HEADER, ('ids', 'sequence<string>')],
    'hri_msgs/NormalizedPointOfInterest2D': [('x', 'float'), ('y', 'float'), ('c', 'float')],
    'hri_msgs/NormalizedRegionOfInterest2D': [
        HEADER, ('xmin', 'float'), ('ymin', 'float'), ('xmax', 'float'), ('ymax', 'float'), ('c', 'float')],
    'hri_msgs/Skeleton2D': [HEADER, ('skeleton', 'hri_msgs/NormalizedPointOfInterest2D[18]')],
    'people_msgs/People': [HEADER, ('people', 'sequence<people_msgs/Person>')],
    'people_msgs/Person': [
        ('name', 'string'), ('position', 'geometry_msgs/Point'), ('velocity', 'geometry_msgs/Point'),
        ('reliability', 'double'), ('tagnames', 'sequence<string>'), ('tags', 'sequence<string>')],
    'cohan_msgs/TrackedAgents': [HEADER, ('agents', 'sequence<cohan_msgs/TrackedAgent>')],
    'cohan_msgs/TrackedAgent': [
        ('track_id', 'uint64'), ('state', 'int8'), ('type', 'int8'), ('name', 'string'),
        ('segments', 'sequence<cohan_msgs/TrackedSegment>')],
    'cohan_msgs/TrackedSegment': [
        ('type', 'int8'), ('pose', 'geometry_msgs/PoseWithCovariance'),
        ('twist', 'geometry_msgs/TwistWithCovariance'), ('accel', 'geometry_msgs/AccelWithCovariance')],
}
# Names of the constants from 0 on.
PLANNER_CONSTANTS = {
    'hri_msgs/Skeleton2D': [
        'NOSE', 'NECK', 'RIGHT_SHOULDER', 'RIGHT_ELBOW', 'RIGHT_WRIST', 'LEFT_SHOULDER', 'LEFT_ELBOW', 'LEFT_WRIST',
        'RIGHT_HIP', 'RIGHT_KNEE', 'RIGHT_ANKLE', 'LEFT_HIP', 'LEFT_KNEE', 'LEFT_ANKLE', 'LEFT_EYE', 'RIGHT_EYE',
        'LEFT_EAR', 'RIGHT_EAR'],
    'cohan_msgs/TrackedAgent': ['STATIC', 'MOVING', 'STOPPED', 'BLOCKED'],
    'cohan_msgs/AgentType': ['ROBOT', 'HUMAN'],
    'cohan_msgs/TrackedSegmentType': [
        'HEAD', 'TORSO', 'RIGHT_SHOULDER', 'RIGHT_ELBOW', 'RIGHT_WRIST', 'RIGHT_HIP', 'RIGHT_KNEE', 'RIGHT_ANKLE',
        'LEFT_SHOULDER', 'LEFT_ELBOW', 'LEFT_WRIST', 'LEFT_HIP', 'LEFT_KNEE', 'LEFT_ANKLE'],
}


def planner_message(name):
    package, short = name.split('/')
    return getattr(pytest.importorskip(f'{package}.msg', reason='an optional message package'), short)


@pytest.mark.parametrize('name', sorted(PLANNER_MSGS))
def test_fields_of_messages_for_planners(name):
    assert list(planner_message(name).get_fields_and_field_types().items()) == PLANNER_MSGS[name]


@pytest.mark.parametrize('name', sorted(PLANNER_CONSTANTS))
def test_constants_of_messages_for_planners(name):
    constants = PLANNER_CONSTANTS[name]
    assert [getattr(planner_message(name), constant) for constant in constants] == list(range(len(constants)))
