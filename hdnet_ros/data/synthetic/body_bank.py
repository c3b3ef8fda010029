"""Builds the bank of rest bodies once with Anny, and keeps it as one .npz file in the cache.

Anny (PyPI `anny`, Apache-2.0 code, CC0 MakeHuman data) is slow to start and to evaluate; the bank
is all that drawing people needs afterwards: rest vertices as float16, joints, skinning weights and
texture coordinates of a mesh reduced to about 5000 vertices. Needs `anny` and torch only here.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hdnet_ros.data.synthetic.decimate import reduce_mesh
from hdnet_ros.data.synthetic.head_size import CIRCUMFERENCE_SPREAD, Skulls, median_circumference_m
from hdnet_ros.data.synthetic.rig import Rig, bone_transforms, skin_vertices
from hdnet_ros.data.synthetic.statures import MALE, Identity, draw_identity
from hdnet_ros.data.synthetic.surface_coordinates import surface_coordinates

BANK_VERSION = 6
VERTEX_COUNT = 5000
INFLUENCES = 6
# With 600, 210 of them children, networks may learn their children by heart: after 9000 steps those of
# the hold-out were 17 % off, adults 8 %.
BODIES = {"train": 2400, "holdout": 150}
SEEDS = {"train": 20_801, "holdout": 51_407}
BANK_CHILD_FRACTION = 0.35
# Anny faces -y with the left side on +x; people here face +x with the left side on +y.
ANNY_TO_PERSON = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def cache_directory(cache_dir: str | Path | None = None) -> Path:
    """`cache_dir`, else $HDNET_CACHE, else ~/.cache/hdnet_ros."""
    chosen = cache_dir or os.environ.get("HDNET_CACHE") or Path.home() / ".cache" / "hdnet_ros"
    return Path(chosen)


def bank_path(split: str, cache_dir: str | Path | None = None) -> Path:
    """Where the bank of a split ("train" or "holdout") is kept."""
    if split not in BODIES:
        raise ValueError(f"split is {split!r}, expected one of {sorted(BODIES)}")
    return cache_directory(cache_dir) / f"bodies_{split}_v{BANK_VERSION}.npz"


def ensure_bank(split: str, cache_dir: str | Path | None = None) -> Path:
    """Path of the split's bank; builds it (some minutes) when it is missing."""
    path = bank_path(split, cache_dir)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("ANNY_CACHE_DIR", str(path.parent / "anny"))
        print(f"building {BODIES[split]} bodies for {path} (once)", flush=True)
        bank = _build(BODIES[split], np.random.default_rng(SEEDS[split]))
        # A unique name first, so that processes starting together never read half a file.
        partial = path.with_name(f"{path.stem}.{os.getpid()}.npz")
        try:
            np.savez(partial, **bank)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    return path


def _build(count: int, rng: np.random.Generator) -> dict[str, NDArray]:
    source = _AnnyBodies()
    print("  reducing the mesh", flush=True)
    kept, faces, template = source.reduced_mesh()
    bones, weights = source.strongest_weights(kept)
    people = [draw_identity(rng, BANK_CHILD_FRACTION) for _ in range(count)]
    vertices = np.empty((count, len(kept), 3), dtype=np.float16)
    heads = np.empty((count, len(source.rig.labels), 3), dtype=np.float32)
    for start in range(0, count, 50):
        chunk = people[start:start + 50]
        chunk_vertices, chunk_heads = source.solve_statures(chunk, rng)
        vertices[start:start + 50] = chunk_vertices[:, kept]
        heads[start:start + 50] = chunk_heads
        print(f"  {start + len(chunk)} of {count} bodies", flush=True)
    landmarks = {name: int(np.flatnonzero(kept == index)[0]) for name, index in source.landmarks.items()}
    return dict(
        vertices=vertices, heads=heads, faces=faces, bones=bones, weights=weights,
        parents=source.rig.parents, labels=np.array(source.rig.labels),
        template=template.astype(np.float32), template_heads=source.template_heads,
        coordinates=surface_coordinates(template, source.template_heads, source.rig, bones, weights),
        nose=landmarks["nose"], head_top=landmarks["head_top"],
        gender=np.array([person.gender for person in people]),
        age_years=np.array([person.age_years for person in people], dtype=np.float32),
        stature_m=np.array([person.stature_m for person in people], dtype=np.float32),
    )


class _AnnyBodies:
    """Anny's model and its shape statistics, in the person's axes."""

    def __init__(self) -> None:
        import anny
        import torch
        from anny.shape_distribution import SimpleShapeDistribution

        self.torch = torch
        self.model = anny.Anny(skinning_method="lbs")
        self.shapes = SimpleShapeDistribution(self.model)
        parents = np.array(self.model.bone_parents, dtype=np.int32)
        self.rig = Rig(tuple(self.model.bone_labels), parents)
        average = self.phenotypes([Identity(MALE, 30.0, 1.75)], np.random.default_rng(0))
        average.update({key: torch.full_like(value, 0.5) for key, value in average.items() if key != "age"})
        vertices, heads = self.rest_bodies(average)
        self.template, self.template_heads = vertices[0], heads[0]
        self.faces = self.outer_faces()
        self.landmarks = self.find_landmarks()
        self.skulls = Skulls(self.rig, self.template, self.template_heads, self.dense_weights())

    def dense_weights(self) -> NDArray:
        """Skinning weights (V, B)."""
        bones, weights = self.model.vertex_bone_indices.numpy(), self.model.vertex_bone_weights.numpy()
        dense = np.zeros((len(bones), len(self.rig.labels)))
        np.add.at(dense, (np.arange(len(bones))[:, None], bones), weights)
        return dense

    def phenotypes(self, people: list[Identity], rng: np.random.Generator) -> dict:
        """Phenotype tensors (N,) of drawn people; the height is left at its middle."""
        torch, shapes = self.torch, self.shapes
        torch.manual_seed(int(rng.integers(2**31)))
        years = torch.tensor([person.age_years for person in people], dtype=self.model.dtype)
        age = shapes.morphological_age_mapping.morphological_to_anny_age(years)
        male = torch.tensor([person.gender == MALE for person in people])
        result = {"age": age}
        for name in ("weight", "muscle", "proportions"):
            boys = getattr(shapes, f"boys_conditional_{name}_distribution").get_torch_distribution(age).sample()
            girls = getattr(shapes, f"girls_conditional_{name}_distribution").get_torch_distribution(age).sample()
            result[name] = torch.where(male, boys, girls)
        softness = torch.tensor(rng.uniform(0.0, 0.22, len(people)), dtype=self.model.dtype)
        result["gender"] = torch.where(male, softness, 1.0 - softness)
        result["height"] = torch.full_like(age, 0.5)
        return result

    def rest_bodies(self, phenotypes: dict) -> tuple[NDArray, NDArray]:
        with self.torch.inference_mode():
            output = self.model.forward(phenotype_kwargs=phenotypes)
        vertices = output["rest_vertices"].numpy() @ ANNY_TO_PERSON.T
        return vertices, output["rest_bone_heads"].numpy() @ ANNY_TO_PERSON.T

    def outer_faces(self) -> NDArray:
        """Triangles without the tongue and the inside of mouth and eye sockets."""
        import anny

        path = Path(anny.__file__).parent / "data" / "template_mesh_internal_cavities.pth"
        cavity = self.torch.load(path, weights_only=True)["vertex_indices"]
        base = self.model.base_mesh_vertex_indices.numpy()
        inside = np.isin(base, cavity)
        faces = self.model.get_triangular_faces().numpy()
        return faces[~inside[faces].any(axis=1)]

    def find_landmarks(self) -> dict[str, int]:
        """Vertices of the nose tip and the head's top, on the template."""
        used = np.unique(self.faces)
        points = self.template[used]
        eye_height = self.template_heads[self.rig.index("eye.L"), 2]
        band = (np.abs(points[:, 1]) < 0.01) & (np.abs(points[:, 2] - eye_height + 0.035) < 0.04)
        nose = used[band][np.argmax(points[band, 0])]
        return {"nose": int(nose), "head_top": int(used[np.argmax(points[:, 2])])}

    def reduced_mesh(self) -> tuple[NDArray, NDArray, NDArray]:
        """Kept vertex indices, their faces, and the template's kept vertices."""
        kept, faces = reduce_mesh(self.template, self.faces, VERTEX_COUNT, set(self.landmarks.values()))
        return kept, faces, self.template[kept]

    def strongest_weights(self, kept: NDArray) -> tuple[NDArray, NDArray]:
        """Bone indices and weights (V, INFLUENCES), strongest first, weights summing to one."""
        weights = self.model.vertex_bone_weights.numpy()[kept]
        bones = self.model.vertex_bone_indices.numpy()[kept]
        order = np.argsort(-weights, axis=1, kind="stable")[:, :INFLUENCES]
        weights = np.take_along_axis(weights, order, axis=1)
        bones = np.take_along_axis(bones, order, axis=1)
        return bones.astype(np.int16), (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)

    def standing_heights(self, vertices: NDArray, heads: NDArray) -> NDArray:
        """Standing heights (N,) in metres with straight legs, barefoot."""
        sample = np.unique(self.faces)
        bones, weights = self.strongest_weights(sample)
        local = np.tile(np.eye(3), (len(self.rig.labels), 1, 1))
        heights = np.empty(len(vertices))
        for index in range(len(vertices)):
            zero = self.rig.zeroing_rotations(heads[index])
            world, posed = bone_transforms(self.rig.parents, heads[index], zero, local)
            points = skin_vertices(vertices[index][sample].astype(np.float32), weights, bones, world, heads[index], posed)
            heights[index] = np.ptp(points[:, 2])
        return heights

    def solve_statures(self, people: list[Identity], rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Rest bodies whose standing height is each person's stature.

        The height phenotype is bisected; what its range cannot reach is made up by uniform scaling. Heads
        get the size of the person's age.
        """
        torch = self.torch
        wanted = np.array([person.stature_m for person in people])
        phenotypes = self.phenotypes(people, rng)
        low, high = np.full(len(people), 0.02), np.full(len(people), 0.98)
        for _ in range(6):
            middle = 0.5 * (low + high)
            phenotypes["height"] = torch.tensor(middle, dtype=self.model.dtype)
            vertices, heads = self.rest_bodies(phenotypes)
            tall = self.standing_heights(vertices, heads) > wanted
            high, low = np.where(tall, middle, high), np.where(tall, low, middle)
        around_m = np.array([median_circumference_m(person.gender, person.age_years) for person in people])
        around_m *= np.exp(CIRCUMFERENCE_SPREAD * np.clip(rng.standard_normal(len(people)), -2.5, 2.5))
        for _ in range(2):  # the head adds to the stature, and scaling to the stature changes the head
            scale = (wanted / self.standing_heights(vertices, heads))[:, None, None]
            vertices, heads = vertices * scale, heads * scale
            for n in range(len(people)):
                factor = around_m[n] / self.skulls.circumference_m(vertices[n])
                vertices[n], heads[n] = self.skulls.resized(vertices[n], heads[n], factor)
        scale = (wanted / self.standing_heights(vertices, heads))[:, None, None]
        return vertices * scale, heads * scale
