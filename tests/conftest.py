"""What every test shares: few threads, no network, shapes checked at run time."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
from jaxtyping import install_import_hook

from tests import shapes

# what imports torch at the top; elsewhere the names of the annotations exist for type checkers only
SHAPED = [
    "staytrue.adapters.token_rows",
    "staytrue.backbones.sd_loaded",
    "staytrue.backbones.sd_text",
    "staytrue.diffusion",
    "staytrue.generate.solver",
    "staytrue.purify.consistency",
    "staytrue.purify.distance",
    "staytrue.purify.inspection.zero_shot",
    "staytrue.purify.noising",
    "staytrue.purify.tiles",
    "staytrue.train.crop_store",
    "staytrue.train.displacement",
    "staytrue.train.latents",
    "staytrue.train.predictor",
]
install_import_hook(SHAPED, f"{shapes.__name__}.{shapes.checked.__name__}")


@pytest.fixture(autouse=True, scope="session")
def few_threads():
    """Workers share two cores; a fixed thread count is also part of what makes a resumed run the same, bit for bit."""
    import torch

    torch.set_num_threads(1)
