"""Makes the ROS-free part of the package pip-installable; everything is said in setup.cfg."""
from setuptools import setup

setup()
