"""The demo: three processes on real DDS, recorded, drawn and summed up. `python -m hdnet_ros.cli.demo`"""
