"""What every source of transforms offers, and the register of types that it can transform."""
from rclpy.duration import Duration


class TypeException(Exception):
    """A type for which no transform function was registered."""


class TransformRegistration:
    """Which function transforms which message type; one register for the whole process."""

    _functions = {}

    def add(self, key, callback):
        """Register callback(message, TransformStamped) -> message for a message type."""
        self._functions[key] = callback

    def get(self, key):
        """Return the function for a message type.

        Raises
        ------
        TypeException
            When none was registered.
        """
        if key not in self._functions:
            raise TypeException(f'Type {key} is not loaded or supported')
        return self._functions[key]


class BufferInterface:
    """Transforms stamped messages by way of the lookups that a subclass has."""

    def __init__(self):
        self.registration = TransformRegistration()

    def transform(self, object_stamped, target_frame, timeout=Duration()):
        """Return a stamped message in another frame, at the message's own stamp."""
        header = object_stamped.header
        function = self.registration.get(type(object_stamped))
        return function(object_stamped,
                        self.lookup_transform(target_frame, header.frame_id, header.stamp, timeout))

    def transform_full(self, object_stamped, target_frame, target_time, fixed_frame, timeout=Duration()):
        """Return a stamped message in another frame at another time, through a frame that stands still."""
        header = object_stamped.header
        function = self.registration.get(type(object_stamped))
        return function(object_stamped,
                        self.lookup_transform_full(target_frame, target_time, header.frame_id, header.stamp,
                                                   fixed_frame, timeout))
