"""JSON files too large to hold as Python objects, read one item at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

_CHUNK = 1 << 20
_AFTER_VALUE = tuple(",:]} \t\r\n")


def stream_items(path: str | Path) -> Iterator[tuple[str | None, object]]:
    """Items of the lists, and the other values, at the top of a JSON file, in the file's order.

    Yields
    ------
    (key, item) for each item of a list under a key of the top object, (key, value) for its other
    values, (None, item) for each item of a top list. An empty list yields nothing.

    Raises
    ------
    FileNotFoundError : there is no such file
    ValueError : it is not JSON, or neither an object nor a list; the message names the file
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with path.open(encoding="utf-8") as file:
        reader = _Reader(file, path)
        opening = reader.next_mark()
        if opening == "[":
            yield from ((None, item) for item in reader.items())
        elif opening == "{":
            yield from reader.entries()
        else:
            raise ValueError(f"{path}: starts with {opening!r}, expected an object or a list")


class _Reader:
    """A window on the text that moves forward as values are taken from it."""

    def __init__(self, file, path: Path) -> None:
        self._file, self._path = file, path
        self._text, self._at, self._ended = "", 0, False
        self._decoder = json.JSONDecoder()

    def entries(self) -> Iterator[tuple[str, object]]:
        """What an object holds, after its opening brace."""
        while (mark := self._peek()) != "}":
            if mark == ",":
                self.next_mark()
                continue
            key = self._value()
            self._expect(":")
            if self._peek() == "[":
                self.next_mark()
                yield from ((key, item) for item in self.items())
            else:
                yield key, self._value()
        self.next_mark()

    def items(self) -> Iterator[object]:
        """What a list holds, after its opening bracket."""
        while (mark := self._peek()) != "]":
            if mark == ",":
                self.next_mark()
            else:
                yield self._value()
        self.next_mark()

    def next_mark(self) -> str:
        mark = self._peek()
        self._at += 1
        return mark

    def _expect(self, mark: str) -> None:
        found = self.next_mark()
        if found != mark:
            raise ValueError(f"{self._path}: not JSON (found {found!r}, expected {mark!r})")

    def _peek(self) -> str:
        while True:
            while self._at < len(self._text) and self._text[self._at].isspace():
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                raise ValueError(f"{self._path}: not JSON (the file ends too early)")
            self._read_more()

    def _value(self) -> object:
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended:
                    raise ValueError(f"{self._path}: not JSON ({error.msg})") from None
            else:
                # A number may go on after the window: "0." and "1e" read as 0 and 1 with a rest.
                if self._ended or self._text[end : end + 1] in _AFTER_VALUE:
                    self._at = end
                    return value
            self._read_more()

    def _read_more(self) -> None:
        # Doubling keeps the parsing of one huge value linear.
        rest = self._text[self._at :]
        more = self._file.read(max(_CHUNK, len(rest)))
        self._ended = not more
        self._text, self._at = rest + more, 0
