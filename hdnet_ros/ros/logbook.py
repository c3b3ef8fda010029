"""One place for what a node has to say about its input: throttled log and diagnostics."""

from hdnet_ros.pipeline.bad_input import BadInput, Throttle, bounded, kind, kind_of
from hdnet_ros.ros.statistics import NodeStatistics


class Logbook:
    """Log each kind of complaint once per period and keep the last one for /diagnostics.

    Parameters
    ----------
    logger : with warning(str) and error(str)
    statistics : of the node
    topics : topic of each input, for the sentences
    """

    def __init__(self, logger, statistics: NodeStatistics, topics: dict[str, str]):
        self._logger = logger
        self._statistics = statistics
        self._topics = topics
        self._throttle = Throttle()
        self._told_once: set[str] = set()

    def bad_input(self, fault: BadInput) -> None:
        """Say what is wrong with a message, naming its topic."""
        topic = self._topics.get(fault.source, fault.source)
        sentence = f"{fault.source} ({topic}): {fault.reason}"
        self._statistics.bad_input(sentence)
        self._warn(kind_of(fault), sentence)

    def warn(self, sentence: str) -> None:
        """Say something that is no message's fault."""
        self._warn(kind(sentence), sentence)

    def warn_once(self, sentence: str) -> None:
        """Say something that stays as it is, once."""
        if kind(sentence) not in self._told_once:
            self._told_once.add(kind(sentence))
            self._warn(kind(sentence), sentence)

    def tell(self, sentence: str) -> None:
        """Say something that is no fault."""
        if self._throttle.admit(kind(sentence)) is not None:
            self._logger.info(bounded(sentence))

    def failure(self, what: str, error: Exception) -> None:
        """Say that the program itself failed on a frame; it goes on with the next."""
        sentence = bounded(f"{what}: {type(error).__name__}: {error}")
        self._statistics.bad_input(sentence)
        if self._throttle.admit(what + type(error).__name__) is not None:
            self._logger.error(sentence)

    def qos_mismatch(self, topic: str, sentence: str) -> None:
        self._statistics.qos_mismatch(topic)
        self._warn(f"qos {topic}", sentence)

    def _warn(self, kind: str, sentence: str) -> None:
        held_back = self._throttle.admit(kind)
        if held_back is not None:
            again = f" [and {held_back} times before]" if held_back else ""
            self._logger.warning(bounded(sentence) + again)
