"""Messages to core types and back, with the numbers worked out by hand."""

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

from sensor_msgs.msg import CameraInfo  # noqa: E402
from std_msgs.msg import Header  # noqa: E402
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose  # noqa: E402

from hdnet_ros.core.camera import Camera  # noqa: E402
from hdnet_ros.core.skeleton import LINKS  # noqa: E402
from hdnet_ros.tracking.tracking import TrackedPerson  # noqa: E402
from hdnet_ros.core.types import PersonEstimate, PersonFlags  # noqa: E402
from hdnet_ros.msg import PersonRoot  # noqa: E402
from hdnet_ros.messages import convert# noqa: E402
from hdnet_ros.pipeline.bad_input import BadInput  # noqa: E402
from hdnet_ros.messages.markers import MarkerPublisher  # noqa: E402

SIZE_WH_PX = (640, 480)


def camera_info(**changes):
    msg = CameraInfo(width=640, height=480, distortion_model="plumb_bob")
    msg.k = [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]
    msg.p = [450.0, 0.0, 310.0, 0.0, 0.0, 450.0, 230.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    msg.d = [0.1, -0.05, 0.001, 0.002, 0.0]
    for name, value in changes.items():
        setattr(msg, name, value)
    return msg


def detection(x, y, width, height, score=0.9, class_id="person", id=""):
    item = Detection2D(id=id)
    item.bbox.center.position.x, item.bbox.center.position.y = x, y
    item.bbox.size_x, item.bbox.size_y = width, height
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id, result.hypothesis.score = class_id, score
    item.results = [result]
    return item


def tracked(root_mm=(3000.0, 0.0, 4000.0), **changes):
    values = dict(
        id="p1", score=0.8, box_xywh_center_px=np.array([700.0, 240.0, 100.0, 200.0]),
        root_camera_mm=np.array(root_mm), depth_sigma_mm=400.0, normalised_depth=8.0,
        focal_px=500.0, patch_px=256.0, patch_focal_px=500.0,
    )  # fmt: skip
    estimate = PersonEstimate(**{**values, **changes})
    velocity = np.array([1000.0, 0.0, -500.0])
    return TrackedPerson(estimate, 1, True, velocity, np.diag([1e4, 2e4, 9e4]))


def test_raw_images_take_k_and_d():
    camera = convert.camera_from_info(camera_info(), rectified=False)
    assert camera.K[0, 0] == 500.0 and camera.K[1, 1] == 510.0
    assert camera.distortion_model == "plumb_bob" and camera.distortion[0] == 0.1
    assert camera.size_wh_px == SIZE_WH_PX


def test_rectified_images_take_p_and_no_distortion():
    camera = convert.camera_from_info(camera_info(), rectified=True)
    assert camera.K[0, 0] == 450.0 and camera.K[0, 2] == 310.0
    assert camera.distortion_model == "none"


def test_roi_comes_before_binning_and_binning_of_zero_is_one():
    info = camera_info(binning_x=2, binning_y=0)
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 100, 40, 400, 300
    camera = convert.camera_from_info(info, rectified=False)
    assert camera.size_wh_px == (200, 300)
    assert camera.K[0, 0] == 250.0 and camera.K[1, 1] == 510.0
    # cx is 220 in the ROI; pixel centres are integers, so half a px stays out of the halving.
    assert camera.K[0, 2] == pytest.approx((220.0 + 0.5) / 2 - 0.5)
    assert camera.K[1, 2] == 200.0


@pytest.mark.parametrize(
    "changes, named",
    [
        ({"k": [0.0] * 9}, "not calibrated"),
        ({"k": [math.nan, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0]}, "nan"),
        ({"distortion_model": "thin_prism"}, "thin_prism"),
        ({"d": [0.1, 0.2, 0.3]}, "3 coefficients"),
        ({"width": 0, "height": 0}, "0 x 0 px"),
    ],
)
def test_camera_info_that_cannot_be_used_is_named(changes, named):
    with pytest.raises(BadInput, match=named) as caught:
        convert.camera_from_info(camera_info(**changes), rectified=False)
    assert caught.value.source == "camera_info"


def test_zero_p_of_rectified_images_is_named():
    with pytest.raises(BadInput, match="P has fx = 0"):
        convert.camera_from_info(camera_info(p=[0.0] * 12), rectified=True)


def test_roi_outside_the_sensor_is_named():
    info = camera_info()
    info.roi.x_offset, info.roi.width, info.roi.height = 600, 100, 480
    with pytest.raises(BadInput, match="ROI 100 x 480 at"):
        convert.camera_from_info(info, rectified=False)


def test_info_of_a_camera_gives_the_camera_back():
    K = [[500.0, 0.0, 320.0], [0.0, 510.0, 240.0], [0.0, 0.0, 1.0]]
    for model, distortion in (("none", ()), ("equidistant", (0.1, 0.01, 0.0, 0.0))):
        camera = Camera.from_matrix(K, SIZE_WH_PX, model, distortion)
        back = convert.camera_from_info(convert.info_from_camera(Header(), camera), False)
        np.testing.assert_array_equal(back.K, camera.K)
        assert (back.distortion_model, back.distortion) == (model, distortion)


def test_only_people_of_enough_score_are_taken():
    msg = Detection2DArray()
    msg.detections = [
        detection(100.0, 100.0, 40.0, 80.0, id="7"),
        detection(200.0, 100.0, 40.0, 80.0, class_id="car"),
        detection(300.0, 100.0, 40.0, 80.0, score=0.2),
    ]
    wanted = convert.DetectionFilter(min_score=0.5)
    people, rejected = convert.detections_from_msg(msg, wanted, SIZE_WH_PX)
    assert [person.id for person in people] == ["7"] and rejected == []
    everything = convert.DetectionFilter(class_ids=())
    assert len(convert.detections_from_msg(msg, everything, SIZE_WH_PX)[0]) == 3


def test_boxes_of_a_smaller_image_are_scaled_about_the_outer_border():
    msg = Detection2DArray(detections=[detection(0.0, 99.5, 40.0, 80.0)])
    wanted = convert.DetectionFilter(scale=2.0)
    people, _ = convert.detections_from_msg(msg, wanted, SIZE_WH_PX)
    np.testing.assert_allclose(people[0].box_xywh_center_px, [0.5, 199.5, 80.0, 160.0])


def test_bars_of_a_letterbox_come_off_before_the_scale():
    # 1280 x 720 seen at 640 x 640: scale 2, bars of 140 px above and below.
    msg = Detection2DArray(detections=[detection(320.0, 320.0, 40.0, 80.0)])
    wanted = convert.DetectionFilter(scale=2.0, offset_px=(0.0, 140.0))
    (person,), _ = convert.detections_from_msg(msg, wanted, (1280, 720))
    np.testing.assert_allclose(person.box_xywh_center_px, [640.5, 360.5, 80.0, 160.0])


@pytest.mark.parametrize(
    "theta, width, height",
    [
        (0.0, 80.0, 40.0),
        (math.pi / 2, 40.0, 80.0),
        (-math.pi / 2, 40.0, 80.0),
        (math.pi, 80.0, 40.0),
        (math.pi / 4, 120.0 / math.sqrt(2.0), 120.0 / math.sqrt(2.0)),
    ],
)
def test_the_upright_bounds_of_a_turned_box_count(theta, width, height):
    item = detection(200.0, 100.0, 80.0, 40.0)
    item.bbox.center.theta = theta
    (person,), _ = convert.detections_from_msg(Detection2DArray(detections=[item]), convert.DetectionFilter(), SIZE_WH_PX)
    np.testing.assert_allclose(person.box_xywh_center_px, [200.0, 100.0, width, height])


@pytest.mark.parametrize("theta", [math.inf, math.nan, 90.0, -180.0])
def test_a_box_turned_by_no_angle_is_named(theta):
    item = detection(200.0, 100.0, 80.0, 40.0)
    item.bbox.center.theta = theta
    people, (reason,) = convert.detections_from_msg(
        Detection2DArray(detections=[item]), convert.DetectionFilter(), SIZE_WH_PX
    )
    assert people == [] and f"theta is {theta:g} rad, expected -2 pi to 2 pi (is it in degrees?)" in reason


@pytest.mark.parametrize("scale", [1.0, 2.0, 100.0])
def test_shares_of_the_image_are_named_whatever_the_scale(scale):
    msg = Detection2DArray(detections=[detection(0.5, 0.5, 0.2, 0.6)])
    people, (reason,) = convert.detections_from_msg(msg, convert.DetectionFilter(scale=scale), SIZE_WH_PX)
    assert people == [] and "is in shares of the image (0 to 1), expected px" in reason


@pytest.mark.parametrize("score", [1.5, -0.5, 99.0, math.nan, math.inf, 1e308])
def test_a_score_that_is_not_0_to_1_is_named(score):
    msg = Detection2DArray(detections=[detection(200.0, 100.0, 40.0, 80.0, score=score), detection(100.0, 100.0, 40.0, 80.0)])
    (person,), (reason,) = convert.detections_from_msg(msg, convert.DetectionFilter(), SIZE_WH_PX)
    assert person.score == 0.9 and reason == f"number 0: score is {score:g}, expected 0 to 1"


def header_at(sec, nanosec=0):
    header = Header(frame_id="camera")
    header.stamp.sec, header.stamp.nanosec = sec, nanosec
    return header


def test_the_items_stamp_counts_where_the_array_has_none():
    items = [detection(200.0, 100.0, 40.0, 80.0) for _ in range(2)]
    for item in items:
        item.header = header_at(5, 7)
    msg = Detection2DArray(detections=items)
    assert convert.stamp_ns(convert.detections_header(msg)) == 5_000_000_007
    msg.header = header_at(9)
    assert convert.stamp_ns(convert.detections_header(msg)) == 9_000_000_000
    msg.header = Header()
    items[1].header = header_at(6)
    assert convert.stamp_ns(convert.detections_header(msg)) == 0
    assert convert.stamp_ns(convert.detections_header(Detection2DArray())) == 0


def test_a_negative_stamp_is_no_time():
    assert convert.stamp_ns(header_at(-3, 500_000_000)) == -2_500_000_000
    assert convert.known_stamp_ns(header_at(-3, 500_000_000)) == 0
    assert convert.known_stamp_ns(header_at(3, 5)) == 3_000_000_005


def test_rectified_images_of_the_second_camera_are_beside_the_first():
    info = camera_info()
    info.p[3], info.p[7] = -450.0 * 0.24, 0.0
    assert convert.camera_from_info(info, rectified=True).centre_mm == pytest.approx((240.0, 0.0, 0.0))
    assert convert.camera_from_info(info, rectified=False).centre_mm == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "box, named",
    [
        ((math.nan, 100.0, 40.0, 80.0), "non-finite"),
        ((100.0, 100.0, math.inf, 80.0), "non-finite"),
        ((100.0, 100.0, 0.0, 80.0), "0 x 80 px, expected above 0"),
        ((100.0, 100.0, 40.0, -80.0), "40 x -80 px, expected above 0"),
        ((-100.0, 100.0, 40.0, 80.0), "outside the 640 x 480 image"),
        ((100.0, 900.0, 40.0, 80.0), "outside the 640 x 480 image"),
    ],
)
def test_a_box_that_cannot_be_right_is_left_out_by_name(box, named):
    msg = Detection2DArray(detections=[detection(*box), detection(100.0, 100.0, 40.0, 80.0)])
    people, rejected = convert.detections_from_msg(msg, convert.DetectionFilter(), SIZE_WH_PX)
    assert len(people) == 1
    assert len(rejected) == 1 and named in rejected[0] and rejected[0].startswith("number 0:")


def test_a_thousand_boxes_are_cut_to_the_best():
    msg = Detection2DArray()
    msg.detections = [
        detection(100.0, 100.0, 40.0, 80.0, score=index / 1000) for index in range(1000)
    ]
    wanted = convert.DetectionFilter(max_people=10)
    people, rejected = convert.detections_from_msg(msg, wanted, SIZE_WH_PX)
    assert [person.score for person in people] == [index / 1000 for index in range(990, 1000)]
    assert "1000 people" in rejected[0]


def test_a_person_in_metres_with_a_covariance_along_the_ray():
    header = Header(frame_id="camera")
    msg = convert.persons_to_msg(header, [tracked()], "box-height")
    assert msg.header is header and msg.estimator == "box-height"
    person = msg.persons[0]
    position = person.root_pose.pose.position
    assert (position.x, position.y, position.z) == (3.0, 0.0, 4.0)
    covariance = np.array(person.root_pose.covariance).reshape(6, 6)
    ray, across = np.array([0.6, 0.0, 0.8]), np.array([0.8, 0.0, -0.6])
    # 0.4 m of depth are 0.5 m along this ray; 4 % of a 200 px box are 8 px, 0.064 m at 4 m.
    assert math.sqrt(ray @ covariance[:3, :3] @ ray) == pytest.approx(0.5)
    assert math.sqrt(across @ covariance[:3, :3] @ across) == pytest.approx(0.064)
    assert [covariance[i, i] for i in (3, 4, 5)] == [1e6, 1e6, 1e6]
    assert np.linalg.eigvalsh(covariance).min() > 0.0
    assert person.root_velocity.twist.linear.x == 1.0
    assert person.root_velocity.twist.linear.z == -0.5
    assert person.root_velocity.covariance[14] == pytest.approx(0.09)
    assert person.depth_sigma_m == pytest.approx(0.4)
    assert person.implied_stature_m == pytest.approx(200.0 * 4.0 / 500.0)
    assert person.box.size_y == 200.0 and person.focal_px == 500.0


def test_flags_have_the_values_of_the_message():
    for flag in PersonFlags:
        if flag:
            assert getattr(PersonRoot, flag.name) == flag.value
    person = tracked(flags=PersonFlags.TRUNCATED_BOX | PersonFlags.IMPLAUSIBLE_HEIGHT)
    msg = convert.persons_to_msg(Header(), [person], "x").persons[0]
    assert msg.flags == 5
    assert math.isnan(msg.implied_stature_m)


def test_keypoints_without_a_pose_have_no_point():
    joints_px = np.full((17, 2), np.nan)
    joints_px[0] = (700.0, 240.0)
    confidence = np.zeros(17)
    confidence[0] = 0.5
    msg = convert.persons_to_msg(
        Header(), [tracked(joints_px=joints_px, joint_confidence=confidence)], "x"
    ).persons[0]
    assert msg.keypoints[0].u_px == 700.0 and msg.keypoints[0].confidence == 0.5
    assert math.isnan(msg.keypoints[1].u_px) and not msg.keypoints[0].has_point
    joints_mm = np.tile([1000.0, 0.0, 4000.0], (17, 1))
    msg = convert.persons_to_msg(Header(), [tracked(joints_camera_mm=joints_mm)], "x").persons[0]
    assert msg.keypoints[16].has_point and msg.keypoints[16].point_m.z == 4.0


def rotate(quaternion, vector):
    w, xyz = quaternion.w, np.array([quaternion.x, quaternion.y, quaternion.z])
    return vector + 2 * np.cross(xyz, np.cross(xyz, vector) + w * vector)


def test_body_frame_has_z_to_the_head_and_x_towards_the_camera():
    person = tracked(root_mm=(3000.0, -500.0, 4000.0))
    (msg,) = convert.transforms_from_persons(Header(frame_id="camera"), [person], "body_")
    assert msg.child_frame_id == "body_p1" and msg.header.frame_id == "camera"
    assert (msg.transform.translation.x, msg.transform.translation.y) == (3.0, -0.5)
    head = rotate(msg.transform.rotation, np.array([0.0, 0.0, 1.0]))
    front = rotate(msg.transform.rotation, np.array([1.0, 0.0, 0.0]))
    left = rotate(msg.transform.rotation, np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(head, [0.0, -1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(front, [-0.6, 0.0, -0.8], atol=1e-12)
    np.testing.assert_allclose(left, np.cross(head, front), atol=1e-12)


def test_body_frame_turns_with_hips_and_shoulders():
    # Seen from its left side: the left joints are nearer, the chest points to the left of the picture.
    joints_mm = np.tile([3000.0, -300.0, 4000.0], (17, 1))
    for left, right, half_mm in (("LEFT_HIP", "RIGHT_HIP", 120.0), ("LEFT_SHOULDER", "RIGHT_SHOULDER", 180.0)):
        joints_mm[getattr(PersonRoot, left), 2] -= half_mm
        joints_mm[getattr(PersonRoot, right), 2] += half_mm
    person = tracked(joints_camera_mm=joints_mm)
    (msg,) = convert.transforms_from_persons(Header(frame_id="camera"), [person], "body_")
    axes = [rotate(msg.transform.rotation, axis) for axis in np.eye(3)]
    np.testing.assert_allclose(axes, [[-1, 0, 0], [0, 0, -1], [0, -1, 0]], atol=1e-12)
    assert (msg.transform.translation.x, msg.transform.translation.z) == (3.0, 4.0)
    # All joints in one place say nothing of a heading.
    person = tracked(joints_camera_mm=np.tile([3000.0, 0.0, 4000.0], (17, 1)))
    (msg,) = convert.transforms_from_persons(Header(frame_id="camera"), [person], "body_")
    np.testing.assert_allclose(rotate(msg.transform.rotation, np.eye(3)[0]), [-0.6, 0, -0.8], atol=1e-12)


def test_markers_draw_the_metric_skeleton():
    camera = Camera.from_matrix([500.0, 0, 320.0, 0, 500.0, 240.0, 0, 0, 1], SIZE_WH_PX)
    joints_mm = np.arange(51.0).reshape(17, 3) * 10.0 + 3000.0
    views = convert.views_from_persons([tracked(joints_camera_mm=joints_mm)], camera)
    array = MarkerPublisher(LINKS, 1.0).markers(Header(frame_id="camera"), views)
    (bones,) = [marker for marker in array.markers if marker.ns == "skeleton"]
    drawn = np.array([[point.x, point.y, point.z] for point in bones.points]).reshape(16, 2, 3)
    np.testing.assert_allclose(drawn * 1000.0, joints_mm[np.array(LINKS)])


def test_detections_3d_enclose_the_box_at_the_roots_depth():
    camera = Camera.from_matrix([500.0, 0, 320.0, 0, 500.0, 240.0, 0, 0, 1], (1280, 480))
    item = convert.detections_3d_to_msg(Header(), [tracked()], camera).detections[0]
    # (700 - 320) / 500 * 4 m, and 100 x 200 px at 4 m over 500 px.
    assert item.bbox.center.position.x == pytest.approx(3.04)
    assert (item.bbox.size.x, item.bbox.size.y) == pytest.approx((0.8, 1.6))
    assert item.results[0].hypothesis.class_id == "person"
    assert item.results[0].pose.pose.position.x == 3.0 and item.id == "p1"
    covariance = np.array(item.results[0].pose.covariance).reshape(6, 6)
    assert np.linalg.eigvalsh(covariance[:3, :3]).max() == pytest.approx(0.25)


def test_a_fisheyes_box_is_as_large_as_it_is_at_the_range():
    K = [500.0, 0, 320.0, 0, 500.0, 240.0, 0, 0, 1]
    camera = Camera.from_matrix(K, (1280, 480), "equidistant", [0.0] * 4)
    person = tracked(turned_box_wh_px=np.array([80.0, 170.0]), box_ray_camera=np.array([0.6, 0.0, 0.8]))
    item = convert.detections_3d_to_msg(Header(), [person], camera).detections[0]
    # 80 x 170 px at a range of 5 m (a depth of 4 m) over 500 px; 4 % of 1.7 m across the ray.
    assert (item.bbox.size.x, item.bbox.size.y, item.bbox.size.z) == pytest.approx((0.8, 1.7, 0.8))
    msg = convert.persons_to_msg(Header(), [person], "x").persons[0]
    assert msg.implied_stature_m == pytest.approx(1.7)
    covariance = np.array(msg.root_pose.covariance).reshape(6, 6)
    assert math.sqrt(covariance[1, 1]) == pytest.approx(0.068)


def test_joints_without_a_pose_are_shown_at_the_roots_depth():
    camera = Camera.from_matrix([500.0, 0, 320.0, 0, 500.0, 240.0, 0, 0, 1], SIZE_WH_PX)
    joints_px = np.tile([420.0, 240.0], (17, 1))
    (view,) = convert.views_from_persons([tracked(joints_px=joints_px)], camera)
    np.testing.assert_allclose(view.joints_m[5], [0.8, 0.0, 4.0])
    assert view.depth_sigma_m == pytest.approx(0.4)


def test_nobody_gives_empty_messages():
    camera = Camera.from_matrix([500.0, 0, 320.0, 0, 500.0, 240.0, 0, 0, 1], SIZE_WH_PX)
    header = Header(frame_id="camera")
    assert convert.persons_to_msg(header, [], "x").persons == []
    assert convert.detections_3d_to_msg(header, [], camera).detections == []
    assert convert.transforms_from_persons(header, [], "body_") == []
    assert convert.detections_to_msg(header, [], "person").detections == []


def test_whether_a_child_goes_out_and_comes_back():
    people = [tracked(child_probability=0.75), tracked(id="p2")]
    msg = convert.persons_to_msg(Header(), people, "test")
    assert msg.persons[0].child_probability == 0.75 and math.isnan(msg.persons[1].child_probability)
    assert [person.child_probability for person in convert.estimates_from_msg(msg)] == pytest.approx([0.75, math.nan], nan_ok=True)


def test_a_box_of_nobody_is_among_the_persons_and_nowhere_else():
    people = [tracked(existence=0.05, flags=PersonFlags.NOBODY), tracked(id="p2", existence=0.9)]
    msg = convert.persons_to_msg(Header(), people, "test")
    assert [round(person.existence, 4) for person in msg.persons] == [0.05, 0.9]
    assert msg.persons[0].flags & PersonRoot.NOBODY
    camera = convert.camera_from_info(camera_info(), rectified=False)
    assert [item.id for item in convert.detections_3d_to_msg(Header(), people, camera).detections] == ["p2"]
    frames = convert.transforms_from_persons(Header(), people, "body_")
    assert [frame.child_frame_id for frame in frames] == ["body_p2"]
    assert [view.id for view in convert.views_from_persons(people, camera)] == ["p2"]
