"""Seeds of single pictures."""

import hashlib


def picture_seed(seed: int, plain_prompt: str, number: int) -> int:
    """The seed of one picture, in [0, 2^31).

    It follows from the prompt without identifier, so that base model, personalized model and every recipe start a
    prompt's n-th picture from the same noise, and so that adding a prompt changes no other picture.
    """
    digest = hashlib.sha256(f"{seed}/{plain_prompt}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
