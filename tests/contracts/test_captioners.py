"""Every captioner: one caption a photo, the identifier directly before the noun, repeatable, quick to list."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from staytrue.caption import CAPTIONERS
from staytrue.caption.base import Uncaptioned
from staytrue.types import Facts, Subject
from tests.caption.tiny_models import tiny_blip, tiny_clip

SETTINGS = {
    "template": lambda home: {"style": "a photo of"},
    "sidecar": lambda home: {},
    "background": lambda home: {"checkpoint": str(tiny_clip(home)), "phrases": ("on the beach", "on the grass")},
    "blip": lambda home: {"checkpoint": str(tiny_blip(home)), "max_new_tokens": 4},
}
SUBJECT = Subject(name="rex", photos=Path("."), class_noun="dog", identifier="zwx")
FACTS = Facts("sd", "tiny", 32, (4, 8, 8), "epsilon")


@pytest.fixture(scope="module", params=CAPTIONERS.names())
def captioner(request, tmp_path_factory):
    return CAPTIONERS.get(request.param)(**SETTINGS[request.param](tmp_path_factory.mktemp(request.param)))


def photos() -> list[Uncaptioned]:
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)) for _ in range(3)]
    return [Uncaptioned(f"{i}.png", picture, "a dog in the grass") for i, picture in enumerate(pictures)]


@pytest.mark.filterwarnings("ignore:no background phrase fits")
def test_one_caption_a_photo_with_the_phrase(captioner) -> None:
    captions = captioner.captions(photos(), SUBJECT, FACTS)
    assert len(captions) == 3
    assert all("zwx dog" in c.render() and c.noun == "dog" and c.identifier == "zwx" for c in captions)
    assert captions == captioner.captions(photos(), SUBJECT, FACTS)


def test_is_its_own_config(captioner) -> None:
    adapter = TypeAdapter(CAPTIONERS.union())
    assert adapter.validate_json(adapter.dump_json(captioner)) == captioner
    with pytest.raises(ValidationError):
        adapter.validate_python({"name": captioner.name, "no_such_field": 1})


def test_listing_imports_nothing_heavy() -> None:
    script = (
        "import sys, staytrue.caption; print([m for m in ('torch', 'diffusers', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
