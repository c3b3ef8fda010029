"""Hair, scarves and hoods: they stand off the skull, hang with gravity, and leave the face free."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed: no synthetic pictures")

from hdnet_ros.data.synthetic.clothes import HAIR_STYLES
from hdnet_ros.data.synthetic.hair import Skull, cloth_around_head, hanging_hair, shell_mesh
from hdnet_ros.data.synthetic.mesh import plain_material
from hdnet_ros.data.synthetic.statures import FEMALE, MALE

SKULL = Skull(centre_x=0.0, half_depth=0.095, half_width=0.075, top=0.157, brow=0.075)
HEAD_M = np.array([0.0, 0.0, 1.5])
MATERIAL = plain_material((0.3, 0.2, 0.1))


def shell(make, rotation=None, seed=1):
    rng = np.random.default_rng(seed)
    return shell_mesh(rng, SKULL, make(rng), HEAD_M, np.eye(3) if rotation is None else rotation, MATERIAL)


def test_big_hair_is_wider_and_higher_than_the_skull_by_its_volume():
    points = shell(lambda rng: hanging_hair(rng, 0.3, 0.06, curly=False)).vertices_world_m - HEAD_M
    assert np.ptp(points[:, 1]) > 2 * (0.075 + 0.06) - 0.01
    assert points[:, 2].max() == pytest.approx(0.157 + 0.06, abs=0.005)


@pytest.mark.parametrize("length_m", [0.15, 0.5])
def test_hair_reaches_as_far_down_as_it_is_long(length_m):
    points = shell(lambda rng: hanging_hair(rng, length_m, 0.02, curly=False)).vertices_world_m - HEAD_M
    assert points[:, 2].min() == pytest.approx(SKULL.brow - length_m, abs=0.12 * length_m)


def test_the_face_is_free_and_a_scarf_closes_below_the_chin():
    points = shell(lambda rng: cloth_around_head(rng, SKULL, 0.01)).vertices_world_m - HEAD_M
    ahead = points[np.abs(points[:, 1]) < 0.03]
    face = ahead[(ahead[:, 2] < SKULL.brow - 0.01) & (ahead[:, 2] > -0.05) & (ahead[:, 0] > 0.0)]
    throat = ahead[(ahead[:, 2] < -0.12) & (ahead[:, 0] > 0.0)]
    assert len(face) == 0 and len(throat) > 0


def test_hair_hangs_down_also_from_a_head_bent_forward():
    bent = np.array([[0.5, 0.0, 0.866], [0.0, 1.0, 0.0], [-0.866, 0.0, 0.5]])
    points = shell(lambda rng: hanging_hair(rng, 0.5, 0.02, curly=False), bent).vertices_world_m - HEAD_M
    lowest = points[points[:, 2] < np.percentile(points[:, 2], 8)]
    rigid_x = (bent @ [0.0, 0.0, SKULL.brow - 0.5])[0]
    assert lowest[:, 2].mean() < -0.3
    assert lowest[:, 0].mean() > rigid_x + 0.2


def test_both_sexes_wear_every_kind_of_length():
    for gender in (FEMALE, MALE):
        assert sum(HAIR_STYLES[gender].values()) == pytest.approx(1.0)
        assert {"short", "long", "big", "ponytail", "bun", "afro"} <= set(HAIR_STYLES[gender])


def test_hair_is_in_the_silhouette_but_not_in_the_stature(people_factory):
    """The box of somebody with big hair is higher than that of somebody bald; the labelled head stays where it is."""
    above = {"big": [], "bald": []}
    for seed in range(160):
        person = people_factory.sample(np.random.default_rng(seed), "upright")
        if person.attributes["hair"] in above and not person.attributes["hat"]:
            head = person.joints_world_m[10]
            near = np.linalg.norm(person.vertices_world_m[:, :2] - head[:2], axis=1) < 0.12
            above[person.attributes["hair"]].append(person.vertices_world_m[near, 2].max() - head[2])
    assert np.mean(above["big"]) > 0.025 > 0.01 > np.mean(above["bald"])
