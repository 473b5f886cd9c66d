"""What every test shares: few threads, no network, shapes checked at run time."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
from jaxtyping import install_import_hook

# the packages whose files import torch at the top; in the others the names of the annotations exist for type checkers only
SHAPED = ["staytrue.diffusion"]
install_import_hook(SHAPED, "beartype.beartype")


@pytest.fixture(autouse=True, scope="session")
def few_threads():
    """Workers share two cores; a fixed thread count is also part of what makes a resumed run the same, bit for bit."""
    import torch

    torch.set_num_threads(1)
