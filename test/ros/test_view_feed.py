"""What `hdnet view live` hears: people with the tracks, the picture and the camera of the same image."""

import queue

import pytest

STAMP_NS = 1_700_000_000_000_000_000


@pytest.fixture
def feed(bench):
    from hdnet_ros.ros.view_feed import ViewFeed

    heard = queue.Queue()
    made = ViewFeed("/tested/persons", "/tested/image", lambda *parts: heard.put(parts))
    yield heard
    made.close()


@pytest.fixture
def publishers(bench, feed):
    """Returns publishers of the topics that are named, once the feed listens to them."""
    from sensor_msgs.msg import CameraInfo, Image

    from hdnet_ros.msg import PersonRootArray, PersonTrackArray

    kinds = {"image": Image, "camera_info": CameraInfo, "persons": PersonRootArray, "tracks": PersonTrackArray}
    made = []

    def make(*names):
        found = {name: bench.client.create_publisher(kinds[name], f"/tested/{name}", 10) for name in names}
        made.extend(found.values())
        bench.wait(lambda: all(p.get_subscription_count() for p in found.values()), "the feed")
        return found

    yield make
    with bench.paused():
        for publisher in made:
            bench.client.destroy_publisher(publisher)


@pytest.fixture
def people_of(make_camera_client):
    from hdnet_ros.msg import PersonRoot, PersonRootArray

    client = make_camera_client("/unused")

    def make(stamp_ns):
        return PersonRootArray(header=client.header(stamp_ns), persons=[PersonRoot(id="p1")])

    make.client = client
    return make


@pytest.fixture
def publishers_of_the_node(bench, people_of):
    """Returns publishers of persons and image below a name, and what makes their messages."""
    from sensor_msgs.msg import Image

    from hdnet_ros.msg import PersonRootArray

    made = []

    def make(name):
        persons = bench.client.create_publisher(PersonRootArray, f"{name}/persons", 10)
        image = bench.client.create_publisher(Image, f"{name}/image", 10)
        made.extend((persons, image))
        bench.wait(lambda: all(p.get_subscription_count() for p in (persons, image)), "the feed")
        return persons, image, people_of, people_of.client.image_msg

    yield make
    with bench.paused():
        for publisher in made:
            bench.client.destroy_publisher(publisher)


def test_people_come_with_the_picture_of_their_stamp(feed, publishers, people_of):
    topics = publishers("image", "camera_info", "persons")
    client = people_of.client
    # Sensor data may be lost or overtaken on the wire: all is sent until people meet their picture.
    for _ in range(50):
        topics["camera_info"].publish(client.info_msg(STAMP_NS))
        for number in range(3):
            topics["image"].publish(client.image_msg(STAMP_NS + number))
        topics["persons"].publish(people_of(STAMP_NS + 1))
        persons, tracks, pose, info, image = feed.get(timeout=10)
        if image is not None and info is not None:
            break
    assert persons.persons[0].id == "p1" and tracks is None and pose is None
    assert image.header.stamp == persons.header.stamp
    assert info.k[0] == 1000.0


def test_people_wait_for_their_tracks_but_not_beyond_the_next_people(feed, publishers, people_of):
    from hdnet_ros.msg import PersonTrack, PersonTrackArray

    topics = publishers("persons", "tracks")
    topics["persons"].publish(people_of(STAMP_NS))
    with pytest.raises(queue.Empty):
        feed.get(timeout=0.2)
    tracks = PersonTrackArray(header=people_of.client.header(STAMP_NS, "odom"), tracks=[PersonTrack(id="p1")])
    topics["tracks"].publish(tracks)
    persons, heard, pose, *_ = feed.get(timeout=10)
    assert heard.header.frame_id == "odom" and heard.header.stamp == persons.header.stamp
    assert pose is None  # nobody publishes TF
    topics["persons"].publish(people_of(STAMP_NS + 1))
    topics["persons"].publish(people_of(STAMP_NS + 2))
    persons, heard, *_ = feed.get(timeout=10)
    assert persons.header.stamp.nanosec == 1 and heard is None


def test_what_the_command_shows_live(bench, publishers_of_the_node):
    from hdnet_ros.cli.commands.view import _live

    frames, close = _live("/shown/persons", "/shown/image")
    try:
        persons, image, people, picture = publishers_of_the_node("/shown")

        def shown():
            image.publish(picture(STAMP_NS))
            persons.publish(people(STAMP_NS))
            number = frames.wait(-1, 10.0)
            return frames.jpeg(number) and [number]

        # The topics are discovered one by one: at first people come without their image.
        [number] = bench.wait(shown, "people with their image")
        scene = frames.scene(number)
        assert scene["persons"][0]["id"] == "p1" and scene["stamp_s"] == pytest.approx(STAMP_NS * 1e-9)
        assert frames.jpeg(number).startswith(b"\xff\xd8")
    finally:
        close()
