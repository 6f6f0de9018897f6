"""Trained rankers as files: arrays only (npz, never pickled), named by what they are and checked before use."""

import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings

from recommender.explaining import Explainer
from recommender.rankers import RANKERS, Ranker


class BrokenArtifact(Exception):
    """The file of a trained ranker is missing or is not what was stored; train again or roll back."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted ranker with the types it knows and what its reasons are found by."""

    ranker: Ranker
    explainer: Explainer
    item_ids: np.ndarray


def code_version() -> str:
    """A digest of the code that trains and ranks: two versions with the same one were made alike."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        if "migrations" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def save(trained: Trained, *, name: str) -> tuple[str, str]:
    """Write the file in one step and return its name and SHA-256."""
    head = {"ranker": trained.ranker.name, "parameters": trained.ranker.parameters()}
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        head=np.frombuffer(json.dumps(head).encode(), np.uint8),
        item_ids=trained.item_ids,
        **{f"ranker.{key}": value for key, value in trained.ranker.state().items()},
        **{f"explainer.{key}": value for key, value in trained.explainer.state().items()},
    )
    data = buffer.getvalue()
    checksum = hashlib.sha256(data).hexdigest()
    file = settings.ARTIFACTS / f"{name}-{checksum[:12]}.npz"
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(f".{os.getpid()}.part")
    half.write_bytes(data)
    half.replace(file)
    return file.name, checksum


def load(*, artifact: str, checksum: str) -> Trained:
    """Read it back; raises BrokenArtifact."""
    file = settings.ARTIFACTS / artifact
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BrokenArtifact(
            f"{file} cannot be read ({error.strerror}). Train again: manage.py train_recommender."
        ) from error
    if hashlib.sha256(data).hexdigest() != checksum:
        raise BrokenArtifact(f"{file} is not the file that was stored. Train again: manage.py train_recommender.")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        head = json.loads(arrays["head"].tobytes())
        try:
            ranker = RANKERS[head["ranker"]](**head["parameters"]).restore(_part(arrays, "ranker."))
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenArtifact(f"{file} was made by other code. Train again: manage.py train_recommender.") from error
        return Trained(ranker, Explainer().restore(_part(arrays, "explainer.")), arrays["item_ids"])


def _part(arrays, prefix: str) -> dict[str, np.ndarray]:
    return {key.removeprefix(prefix): arrays[key] for key in arrays.files if key.startswith(prefix)}
