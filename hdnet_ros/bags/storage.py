"""Files of a recording, message by message: everything that can be read, and what cannot by name.

MCAP is read through `mcap`, sqlite3 through Python's own; what a recorder that was killed left, a part that is
damaged, topics of strangers and metadata that is wrong cost nothing but themselves. ROS 1 and compressed
recordings go through rosbags, which reads them or not.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore

from hdnet_ros.bags.errors import BagError
from hdnet_ros.messages.plain_messages import typestore

_MCAP_MAGIC, _SQLITE_MAGIC = b"\x89MCAP0\r\n", b"SQLite format 3\0"
# What storages raise on damaged bytes, decompression included.
_DAMAGE = (McapError, struct.error, EOFError, OSError, ValueError, RuntimeError, KeyError, MemoryError, sqlite3.Error)
_IDL_RULE = "=" * 80 + "\n"


class Topic(NamedTuple):
    """A topic with one of its types."""

    name: str
    type: str


class Stored(NamedTuple):
    """A message as it lies there."""

    topic: Topic
    time_ns: int
    data: bytes


class Definition(NamedTuple):
    """What a recording says of a type: "ros2msg" or "ros2idl", and the text."""

    format: str
    text: bytes


class McapFile:
    """One .mcap; where its end is missing it is read from its start as far as it goes."""

    def __init__(self, path: Path):
        self.path = path
        self.problem = ""
        self._is_whole = self._read_summary()
        if not self._is_whole:
            self._scan()

    def messages(self, wanted: Collection[Topic]) -> Iterator[Stored]:
        """Yield the messages of topics, in the order of time where the file has an index."""
        with open(self.path, "rb") as file:
            found = self._indexed(file, wanted) if self._is_whole else _records(file)
            for schema, channel, message in found:
                topic = Topic(channel.topic, schema.name if schema else "")
                if topic in wanted:
                    yield Stored(topic, message.log_time, message.data)

    def _indexed(self, file, wanted):
        return make_reader(file).iter_messages(topics=sorted({topic.name for topic in wanted}))

    def _read_summary(self) -> bool:
        try:
            with open(self.path, "rb") as file:
                summary = make_reader(file).get_summary()
        except _DAMAGE as error:
            self.problem = f"not finished, or damaged ({type(error).__name__}): read as far as it goes"
            return False
        if summary is None or summary.statistics is None:
            return False
        counts = summary.statistics.channel_message_counts
        self.counts: Counter = Counter()
        self.definitions: dict[str, Definition] = {}
        for channel in summary.channels.values():
            self._note(summary.schemas.get(channel.schema_id), channel, counts.get(channel.id, 0))
        return True

    def _scan(self) -> None:
        self.counts, self.definitions = Counter(), {}
        try:
            with open(self.path, "rb") as file:
                for schema, channel, _ in _records(file):
                    self._note(schema, channel, 1)
        except _DAMAGE as error:
            self.problem = self.problem or f"damaged ({told(error)}): read as far as it goes"

    def _note(self, schema: Schema | None, channel: Channel, count: int) -> None:
        if schema is None or channel.message_encoding != "cdr":
            return  # no message of ROS 2: somebody else's protobuf or JSON
        self.counts[Topic(channel.topic, schema.name)] += count
        self.definitions.setdefault(schema.name, Definition(schema.encoding, schema.data))


def _records(file) -> Iterator[tuple[Schema | None, Channel, Message]]:
    """Yield messages from the start of an MCAP on; raises where it can go no further."""
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    for record in StreamReader(file).records:
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel):
            channels[record.id] = record
        elif isinstance(record, Message) and record.channel_id in channels:
            channel = channels[record.channel_id]
            yield schemas.get(channel.schema_id), channel, record


class SqliteFile:
    """One .db3."""

    def __init__(self, path: Path):
        self.path = path
        self.problem = ""
        self.counts: Counter = Counter()
        self.definitions: dict[str, Definition] = {}
        with self._opened() as database:
            self._topics = {
                number: Topic(name, kind)
                for number, name, kind, encoding in database.execute(
                    "SELECT id, name, type, serialization_format FROM topics"
                )
                if encoding == "cdr"
            }
            self.counts.update(dict.fromkeys(self._topics.values(), 0))
            try:
                rows = database.execute("SELECT topic_id, COUNT(*) FROM messages GROUP BY topic_id")
                self.counts.update({self._topics[n]: count for n, count in rows if n in self._topics})
                tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
                if "message_definitions" in tables:
                    self._read_definitions(database)
            except sqlite3.Error as error:
                self.problem = f"damaged ({told(error)}): read as far as it goes"
                self.counts.update(dict.fromkeys(self._topics.values(), 1))

    def messages(self, wanted: Collection[Topic]) -> Iterator[Stored]:
        """Yield the messages of topics in the order of time; of a damaged file in that of recording."""
        chosen = sorted(number for number, topic in self._topics.items() if topic in wanted)
        marks = ",".join("?" * len(chosen))
        order = "" if self.problem else "ORDER BY timestamp"
        with self._opened() as database:
            query = f"SELECT topic_id, timestamp, data FROM messages WHERE topic_id IN ({marks}) {order}"
            for number, time_ns, data in database.execute(query, chosen):
                yield Stored(self._topics[number], time_ns, data)

    def _opened(self):
        return closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True))

    def _read_definitions(self, database) -> None:
        query = "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
        for kind, encoding, text in database.execute(query):
            self.definitions[kind] = Definition(encoding, text.encode() if isinstance(text, str) else text)


class FileStorage:
    """A rosbag2 as its files, without trust in its metadata.

    Attributes
    ----------
    counts : messages of each topic and type
    problems : what could not be read, each with its file
    notes : what was noted in metadata.yaml
    is_ros1 : False
    """

    is_ros1 = False

    def __init__(self, files: list[Path], notes: dict[str, str], problems: list[str]):
        self.notes, self.problems = notes, problems
        self._files: list[McapFile | SqliteFile] = []
        for path in files:
            self._open(path)
        self.counts: Counter = sum((file.counts for file in self._files), Counter())
        # A topic without a message is a topic, which a sum of counters forgets.
        for file in self._files:
            self.counts.update(dict.fromkeys(file.counts, 0))
        self._stores: dict[str, Any] = {}

    @property
    def is_empty(self) -> bool:
        """Whether not one file could be read."""
        return not self._files

    def messages(self, wanted: Collection[Topic]) -> Iterator[Stored]:
        """Yield the messages of topics; a file that is damaged ends early and is told."""
        for file in self._files:
            done = 0
            stream = file.messages(wanted)
            while True:
                try:
                    stored = next(stream)
                except StopIteration:
                    break
                except _DAMAGE as error:
                    self._tell(file.path, file.problem or f"damaged after {done} messages ({told(error)})")
                    break
                done += 1
                yield stored

    def deserialize(self, data: bytes, type_name: str) -> Any:
        """Return a message as rosbags makes it, by the recording's own definition where it has one."""
        if type_name not in self._stores:
            self._stores[type_name] = self._store(type_name)
        return self._stores[type_name].deserialize_cdr(data, type_name)

    def close(self) -> None:
        """Nothing stays open."""

    def _open(self, path: Path) -> None:
        try:
            with open(path, "rb") as file:
                magic = file.read(16)
            if magic.startswith(_MCAP_MAGIC):
                opened: McapFile | SqliteFile = McapFile(path)
            elif magic == _SQLITE_MAGIC:
                opened = SqliteFile(path)
            else:
                self._tell(path, "neither MCAP nor sqlite3" if magic else "empty")
                return
        except _DAMAGE as error:
            advice = "; `sqlite3 FILE .recover` may save what is left" if isinstance(error, sqlite3.Error) else ""
            self._tell(path, told(error) + advice)
            return
        if opened.problem:
            self._tell(path, opened.problem)
        self._files.append(opened)

    def _tell(self, path: Path, reason: str) -> None:
        sentence = f"{path.name}: {reason}"
        if sentence not in self.problems:
            self.problems.append(sentence)

    def _store(self, type_name: str) -> Any:
        definitions = (file.definitions.get(type_name) for file in self._files)
        found = next((definition for definition in definitions if definition and definition.text), None)
        if found is None:
            return typestore()
        try:
            store = get_typestore(Stores.EMPTY)
            store.register(_types(found, type_name))
            return store
        except Exception as error:  # parsers raise what they like
            self.problems.append(f"{type_name}: its definition cannot be read ({told(error)}), today's is taken")
            return typestore()


def _types(definition: Definition, type_name: str) -> dict:
    """Return rosbags' types of a definition and all that it consists of."""
    # Written on Windows, or with a name in Latin-1 in a comment: neither says anything about the fields.
    text = definition.text.decode("utf-8", "replace").replace("\r\n", "\n")
    if definition.format != "ros2idl":
        return get_types_from_msg(text, type_name)
    types: dict = {}
    for part in text.split(_IDL_RULE) if text.startswith(f"{_IDL_RULE}IDL: ") else [text]:
        if part.strip():
            types.update(get_types_from_idl(part.partition("\n")[2] if part.startswith("IDL: ") else part))
    return types


class RosbagsStorage:
    """A ROS 1 or a compressed recording, as rosbags reads it; attributes as FileStorage's."""

    is_empty = False

    def __init__(self, path: Path):
        self.problems: list[str] = []
        self._path = path
        self._reader = AnyReader([path], default_typestore=typestore())
        self._reader.open()
        self.is_ros1 = not self._reader.is2
        self.counts: Counter = Counter()
        for connection in self._reader.connections:
            self.counts[Topic(connection.topic, connection.msgtype)] += connection.msgcount
        reader = self._reader.readers[0]
        metadata = getattr(getattr(reader, "reader", reader), "metadata", None)
        self.notes: dict[str, str] = getattr(metadata, "custom", None) or {}

    def messages(self, wanted: Collection[Topic]) -> Iterator[Stored]:
        """Yield the messages of topics; where the recording is damaged they end early, which is told."""
        connections = [c for c in self._reader.connections if Topic(c.topic, c.msgtype) in wanted]
        done = 0
        try:
            for connection, time_ns, data in self._reader.messages(connections=connections) if connections else ():
                done += 1
                yield Stored(Topic(connection.topic, connection.msgtype), time_ns, data)
        except Exception as error:  # storages raise what they like on damaged bytes
            self.problems.append(f"{self._path.name}: damaged after {done} messages ({told(error)})")

    def deserialize(self, data: bytes, type_name: str) -> Any:
        """Return a message as rosbags makes it."""
        return self._reader.deserialize(data, type_name)

    def close(self) -> None:
        """Close the files."""
        self._reader.close()


def open_storage(path: Path) -> FileStorage | RosbagsStorage:
    """Return an open recording.

    Raises
    ------
    BagError : there is none, or nothing in it can be read
    """
    if not path.exists():
        raise BagError(f"{path}: no such file or folder")
    problems: list[str] = []
    metadata = _metadata(path, problems) if path.is_dir() else {}
    if path.suffix == ".bag" or metadata.get("compression_format"):
        try:
            return RosbagsStorage(path)
        except Exception as error:  # as above
            advice = "; `rosbag reindex` mends what a recorder left unfinished" if path.suffix == ".bag" else ""
            raise BagError(f"{path}: cannot be read: {told(error)}{advice}") from error
    notes = metadata.get("custom_data")
    storage = FileStorage(_files(path, metadata, problems), notes if isinstance(notes, dict) else {}, problems)
    if storage.is_empty:
        why = "; ".join(storage.problems) or "there is no .mcap or .db3 in it"
        raise BagError(f"{path}: cannot be read as a rosbag2 (folder, .mcap, .db3) or ROS 1 .bag: {why}")
    return storage


def told(error: Exception) -> str:
    """Return an error in a short line."""
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _metadata(folder: Path, problems: list[str]) -> dict[str, Any]:
    """Return what metadata.yaml says, as far as it is one."""
    import yaml

    path = folder / "metadata.yaml"
    if not path.is_file():
        problems.append("no metadata.yaml: files are taken by their names")
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8", errors="replace"))
        return dict(found["rosbag2_bagfile_information"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError) as error:
        problems.append(f"metadata.yaml cannot be read ({told(error)}): files are taken by their names")
        return {}


def _files(path: Path, metadata: dict[str, Any], problems: list[str]) -> list[Path]:
    if path.is_file():
        return [path]
    listed = metadata.get("relative_file_paths")
    files = [path / str(name) for name in listed] if isinstance(listed, list) else []
    for missing in [file for file in files if not file.is_file()]:
        problems.append(f"{missing.name}: is missing")
    files = [file for file in files if file.is_file()]
    if not files:
        there = [file for file in path.iterdir() if file.suffix in (".mcap", ".db3")]
        files = sorted(there, key=lambda file: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", file.name)])
    return files
