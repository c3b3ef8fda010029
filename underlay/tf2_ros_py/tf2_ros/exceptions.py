"""Why a transform cannot be given; the names are those of tf2."""


class TransformException(Exception):
    """Any failure of a lookup."""


class LookupException(TransformException):
    """A frame was never heard of."""


class ConnectivityException(TransformException):
    """Both frames are known, but not in one tree."""


class ExtrapolationException(TransformException):
    """The time asked for lies outside what is stored."""


class InvalidArgumentException(TransformException):
    """A frame name that cannot be: empty, or beginning with a slash."""


class TimeoutException(TransformException):
    """Waiting took too long."""
