"""A small bag with people, tracks, pictures and TF, written without ROS."""

import numpy as np
import pytest

START_S, FRAMES, STEP_S = 1000, 8, 0.1
SIZE_WH_PX, FOCAL_PX = (320, 240), 300.0


@pytest.fixture(scope="session")
def messages():
    """Makes plain messages by name: messages("hdnet_ros/msg/PersonRoot", id="p1")."""
    pytest.importorskip("rosbags")
    plain = pytest.importorskip("hdnet_ros.messages.plain_messages")

    def make(name, **values):
        return plain.plain_class(name)(**values)

    return make


@pytest.fixture(scope="session")
def header(messages):
    def make(number, frame):
        time = messages("builtin_interfaces/msg/Time", sec=START_S, nanosec=round(number * STEP_S * 1e9))
        return messages("std_msgs/msg/Header", stamp=time, frame_id=frame)

    return make


@pytest.fixture(scope="session")
def persons_of(messages, header):
    """People of a frame: p1 walks from 4 m to the right, p2 stands at 6 m; depth sigma 0.4 m."""

    def make(number):
        array = messages("hdnet_ros/msg/PersonRootArray", header=header(number, "optical"), estimator="tester")
        for name, x_m, z_m in (("p1", 0.1 * number, 4.0), ("p2", -1.0, 6.0)):
            person = messages("hdnet_ros/msg/PersonRoot", id=name, depth_sigma_m=0.4, score=0.9)
            position = person.root_pose.pose.position
            position.x, position.y, position.z = x_m, 0.0, z_m
            person.root_pose.covariance = np.diag([0.01, 0.01, 0.16, 1e6, 1e6, 1e6]).ravel().tolist()
            u = FOCAL_PX * x_m / z_m + 160
            person.box.center.position.x, person.box.center.position.y = u, 120.0
            person.box.size_x, person.box.size_y = 40.0, 100.0
            person.keypoints = [
                messages("hdnet_ros/msg/Keypoint", u_px=u, v_px=80.0 + 4 * j, confidence=0.5) for j in range(17)
            ]
            person.keypoints[16].u_px, person.keypoints[16].confidence = float("nan"), 0.0
            array.persons.append(person)
        return array

    return make


@pytest.fixture(scope="session")
def tracks_of(messages, header):
    """p1 where it is in odom; p2 coasts. The camera is 2 m along odom's x and looks along it."""

    def make(number):
        array = messages("hdnet_ros/msg/PersonTrackArray", header=header(number, "odom"))
        for name, right_m, forward_m in (("p1", 0.1 * number, 6.0), ("p2", -1.0, 8.0)):
            track = messages("hdnet_ros/msg/PersonTrack", id=name, is_moving=name == "p1")
            track.unseen_s = 0.0 if name == "p1" else 0.3
            position = track.pose.pose.position
            position.x, position.y, position.z = forward_m, -right_m, 0.9
            track.pose.covariance = np.diag([0.16, 0.01, 0.01, 1e6, 1e6, 1e6]).ravel().tolist()
            track.velocity.twist.linear.y = -1.0 if name == "p1" else 0.0
            array.tracks.append(track)
        return array

    return make


@pytest.fixture(scope="session")
def write_bag(messages, header, persons_of, tracks_of):
    """Writes a bag; `parts` says what is in it besides persons."""
    from rosbags.rosbag2 import StoragePlugin, Writer

    from hdnet_ros.messages.plain_messages import to_cdr, type_name, typestore

    def image_of(number):
        width, height = SIZE_WH_PX
        pixels = np.full((height, width, 3), (10 * number, 120, 60), np.uint8)
        return messages(
            "sensor_msgs/msg/Image", header=header(number, "optical"), width=width, height=height, encoding="rgb8",
            step=3 * width, data=pixels.ravel(),
        )  # fmt: skip

    def info_of(number):
        info = messages("sensor_msgs/msg/CameraInfo", header=header(number, "optical"))
        info.width, info.height = SIZE_WH_PX
        info.k = [FOCAL_PX, 0.0, 160.0, 0.0, FOCAL_PX, 120.0, 0.0, 0.0, 1.0]
        return info

    def tf_of(number):
        transform = messages(
            "geometry_msgs/msg/TransformStamped", header=header(number, "odom"), child_frame_id="optical"
        )
        transform.transform.translation.x = 2.0
        # x right, y down, z forward to x forward, y left, z up
        q = transform.transform.rotation
        q.x, q.y, q.z, q.w = -0.5, 0.5, -0.5, 0.5
        return messages("tf2_msgs/msg/TFMessage", transforms=[transform])

    makers = {
        "image": ("/cam/image", image_of), "info": ("/cam/camera_info", info_of), "tf": ("/tf", tf_of),
        "tracks": ("/hdnet_node/tracks", tracks_of), "overlay": ("/hdnet_node/overlay", image_of),
    }  # fmt: skip

    def write(folder, *parts, storage=StoragePlugin.MCAP, persons=True):
        chosen = [makers[part] for part in parts] + [("/hdnet_node/persons", persons_of)] * persons
        with Writer(folder, version=9, storage_plugin=storage) as bag:
            connections = {}
            for number in range(FRAMES):
                for place, (topic, make) in enumerate(chosen):
                    message = make(number)
                    name = type_name(type(message))
                    if topic not in connections:
                        connections[topic] = bag.add_connection(topic, name, typestore=typestore())
                    recorded_ns = (START_S + 5) * 1_000_000_000 + number * 100_000_000 + place * 1_000_000
                    bag.write(connections[topic], recorded_ns, to_cdr(message))
        return folder

    return write
