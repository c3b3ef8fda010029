"""What is said where no box is a person's."""

import pytest

from hdnet_ros.pipeline.class_census import ClassCensus

WANTED = ("person", "0")


def census(*images, wanted=WANTED):
    made = ClassCensus()
    for boxes in images:
        made.note(boxes, wanted)
    return made


@pytest.mark.parametrize("name", ["1", "15", "Person", "pedestrian"])
def test_classes_that_came_instead_of_people_are_named(name):
    told = census(*[[(name,), ("chair",)]] * 5).sentence(WANTED)
    assert told.startswith(f"no box so far has a class of class_ids ('person', '0'); what came: '{name}', 'chair'. ")


def test_boxes_without_results_are_named():
    assert "what came: no results. " in census(*[[()]] * 5).sentence(WANTED)


def test_nothing_is_said_once_a_person_came():
    assert census(*[[("chair",)]] * 50, [("chair", "person")]).sentence(WANTED) == ""


def test_nothing_is_said_of_few_images_or_of_images_without_boxes():
    assert census([("chair",)], *[[]] * 50).sentence(WANTED) == ""
    assert "what came: 'chair'" in census([("chair",)]).sentence(WANTED, images=1)
    assert census([], []).sentence(WANTED, images=1) == ""


def test_where_every_class_counts_every_box_is_a_person():
    assert census(*[[("chair",)]] * 5, wanted=()).sentence(()) == ""


def test_ever_new_and_endless_names_take_no_memory():
    told = census(*[[(f"{number} {'x' * 1000}",)] for number in range(1000)]).sentence(WANTED)
    assert len(told) < 2500
