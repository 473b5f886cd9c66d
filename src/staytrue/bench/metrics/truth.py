"""Does it show what was asked?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray


def paired_cosine(
    pictures: Float[ndarray, "pictures width"], texts: Float[ndarray, "pictures width"]
) -> Float[ndarray, " pictures"]:
    """CLIP-T: each picture against its own prompt, the identifier taken out.

    Formula: ``<f(x_i), g(p_i)>``; f and g, CLIP's picture and text embeddings, have length 1.
    Reads: for ``clip_t_object`` the prompt with the specific class noun ("a teddy bear on the beach"), for ``clip_t_vague`` with
    the broad one ("a stuffed animal on the beach"). Returns: one number per picture in [-1, 1].
    Source: Ruiz et al. 2023 (DreamBooth), section 4.1; object and vague: He et al., arXiv 2311.04315, table 3.
    Differs: that the identifier is left out is inferred; neither paper says.
    Known to fail: small parts of the prompt weigh little beside noun and background. ``composition`` asks for each by itself.
    """
    return (pictures * texts).sum(axis=1)
