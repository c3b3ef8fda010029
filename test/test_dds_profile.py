"""The shipped DDS profile: 720p images reach a best-effort subscriber in another process."""
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: ./run test installs it')

PROFILE = Path(__file__).parent.parent / 'config' / 'fastdds_large_images.xml'
SENT = 60

PUBLISHER = textwrap.dedent(f'''
    import array, time
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node('image_sender')
    publisher = node.create_publisher(Image, 'image_720p', qos_profile_sensor_data)
    while publisher.get_subscription_count() == 0:
        time.sleep(0.05)
    image = Image(height=720, width=1280, encoding='bgr8', step=3840, data=array.array('B', bytes(720 * 3840)))
    for index in range({SENT}):
        image.header.stamp.sec = index
        publisher.publish(image)
        time.sleep(0.05)
    time.sleep(0.5)
''')

SUBSCRIBER = textwrap.dedent(f'''
    import time
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node('image_receiver')
    stamps, last = [], []
    def receive(image):
        stamps.append(image.header.stamp.sec)
        last[:] = [time.monotonic()]
    node.create_subscription(Image, 'image_720p', receive, qos_profile_sensor_data)
    began = time.monotonic()
    while time.monotonic() - began < 60 and {SENT - 1} not in stamps and (not last or time.monotonic() - last[0] < 5):
        rclpy.spin_once(node, timeout_sec=0.1)
    print(len(set(stamps)))
''')


def test_720p_images_arrive():
    environment = {**os.environ, 'FASTRTPS_DEFAULT_PROFILES_FILE': str(PROFILE),
                   'FASTDDS_DEFAULT_PROFILES_FILE': str(PROFILE)}
    subscriber = subprocess.Popen([sys.executable, '-c', SUBSCRIBER], env=environment, stdout=subprocess.PIPE, text=True)
    publisher = subprocess.Popen([sys.executable, '-c', PUBLISHER], env=environment)
    try:
        arrived = int(subscriber.communicate(timeout=90)[0])
    finally:
        for process in (publisher, subscriber):
            process.kill()
            process.wait()
    # All of them on an idle machine, and about two in five without the profile.
    assert arrived >= 0.8 * SENT, f'{arrived} of {SENT} images arrived'
