"""JSON that is read item by item, and columns of numbers instead of objects."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hdnet_ros.data.datasets import json_stream
from hdnet_ros.data.datasets.columns import Columns, rows_of_ids
from hdnet_ros.data.datasets.json_stream import stream_items

NUMBERS = st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@example(content=[0.5, 1e-7, -1.5e21, 12], indent=None, chunk=1)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    content=st.dictionaries(st.text(), JSON, max_size=4) | st.lists(JSON, max_size=6),
    indent=st.sampled_from([None, 2]),
    chunk=st.sampled_from([1, 3, 1 << 20]),
)
def test_streamed_items_are_those_of_the_whole_file(tmp_path, monkeypatch, content, indent, chunk):
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content, indent=indent))
    if isinstance(content, list):
        expected = [(None, item) for item in content]
    else:
        expected = [
            (key, item) for key, value in content.items() for item in (value if isinstance(value, list) else [value])
        ]
    assert list(stream_items(path)) == expected


def test_what_is_no_json_names_the_file(tmp_path):
    path = tmp_path / "bad.json"
    for text in ("", "7", '{"images": [1, 2', '{"images": [nonsense]}', '{"a" 1}'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"bad\.json: "):
            list(stream_items(path))
    with pytest.raises(FileNotFoundError, match=r"none\.json: no such file"):
        list(stream_items(tmp_path / "none.json"))


def test_columns_grow_and_check_their_rows():
    columns = Columns(box=((4,), "f8"), name=((), "S8"))
    for n in range(700):
        columns.append(box=np.full(4, n), name=str(n))
    arrays = columns.arrays()
    assert len(columns) == 700 and arrays["box"].shape == (700, 4)
    assert arrays["box"][699, 3] == 699 and arrays["name"][42] == b"42"
    assert arrays["name"].dtype == "S3"
    with pytest.raises(ValueError, match="name has 9 bytes, expected at most 8"):
        columns.append(box=np.zeros(4), name="ninebytes")
    with pytest.raises(ValueError, match=r"box has shape \(3,\), expected \(4,\)"):
        columns.append(box=np.zeros(3), name="")


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 50), unique=True), st.lists(st.integers(0, 60)))
def test_rows_of_ids(ids, wanted):
    rows = rows_of_ids(np.array(ids, int), np.array(wanted, int))
    assert rows.tolist() == [ids.index(w) if w in ids else -1 for w in wanted]
