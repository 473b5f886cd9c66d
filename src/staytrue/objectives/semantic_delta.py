"""Semantic delta, ours: what a word does to the class, it does to the subject."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from staytrue.objectives.base import Step
from staytrue.objectives.squares import mean_square, row_weights
from staytrue.registry import component
from staytrue.types import Caption, Slot

if TYPE_CHECKING:
    from torch import Tensor


@component
class SemanticDelta:
    """Words that are said of class images alone move the subject as they move the frozen model's class.

    With x_t a noised photo, c its caption, f the same without the identifier, c' and f' both with the style (or other words) of a
    class image in the batch, e the trained and e* the frozen network, k the strength and w the row's weights:

        w_i mean |e(x_t, c') - sg [e(x_t, c) + k (e*(x_t, f') - e*(x_t, f))]|^2

    A word that is trained beside the class alone ("a painting of a can") comes to say "not mine" (docs/log.md). Here it is trained
    beside the subject, too, without a picture of the subject in that style.

    Reads the step's shared prediction, the captions of class rows, one further trained prediction and two frozen ones. Returns one
    loss per subject row, in [0, inf); 0 where no class row in the batch says anything else: one of the same subject, or, of styles,
    of any; and where a row is not among the drawn ``share``, for which the others count as much more. A LoRA is its own frozen
    base; ``full`` keeps a copy. A ``train.noise_pool`` saves little: a draw seldom meets the same word again, and every answer is
    kept. Of a caption written by hand, f, c' and f' are its slots: the noun, and what follows it.

    Args:
        carried: which slot of class images' captions takes the place of the photo's own: "style", "adjectives", or "details"
            (accessory or motion). For two of them, two terms.
        strength: k. Above 1 the words are heard more and the subject is kept less.
        share: of the photos of a micro-batch, how many are asked: the passes above are of these alone.
        weighting: by timestep: "uniform", "min_snr", or "noise" (1 / (1 + SNR)).
        gamma: cap on the SNR of "min_snr".

    Source: ours. Differences of one network's predictions under two texts are also how Delta Denoising Score (arXiv 2304.07090)
    edits a picture; here a network is trained on them.

    Known to fail: where class images' captions have nothing in the slot, which is an error. With several subjects and fewer class
    rows than photos in a batch, adjectives and details reach only some of them. Colors are heard less: the photo under the noise
    still has its own. A ``share`` of a quarter lost three of twenty subjects (docs/log.md).
    """

    rows: ClassVar[str] = "subject"
    moves_identifier: ClassVar[bool] = True

    name: Literal["semantic_delta"] = "semantic_delta"
    carried: Slot = "style"
    strength: float = Field(default=1.0, gt=0)
    share: float = Field(default=1.0, gt=0, le=1)
    weighting: Literal["uniform", "min_snr", "noise"] = "uniform"
    gamma: float = Field(default=5.0, gt=0)

    @property
    def needs(self) -> frozenset[str]:
        """The frozen base, and class images whose captions say other things than the photos' do."""
        return frozenset({"class_rows", f"class_{self.carried}", "frozen_base"})

    def __call__(self, step: Step) -> Tensor:
        """One loss per subject row."""
        subject, rows = step.indices("subject"), step.rows("subject")
        asked = {i: said for i in self._drawn(step, subject) if (said := self._asked(step, i)) is not None}
        losses = 0 * mean_square(step.prediction[rows], step.noised.target[rows])  # of rows that nothing is asked of
        if not asked:
            return losses
        indices, places = list(asked), rows.new_tensor([subject.index(i) for i in asked])
        plain = step.reference(indices, [self._frequent(step, i).render() for i in indices])
        delta = step.reference(indices, [caption.render() for caption in asked.values()]) - plain
        target = step.prediction[rows[places]].detach() + self.strength * delta
        words = [{"text": "", self.carried: getattr(caption, self.carried)} for caption in asked.values()]
        named = [replace(step.captions[i], **said) for i, said in zip(indices, words, strict=True)]
        rare = [c.with_identifier(step.subjects[i].identifier).render() for i, c in zip(indices, named, strict=True)]
        weights = row_weights(step, rows[places], self.weighting, self.gamma) / self.share
        return losses.index_add(0, places, weights * mean_square(step.under(indices, rare), target))

    def _drawn(self, step: Step, subject: list[int]) -> list[int]:
        """A share of the photos, by chance; so many more or fewer by chance, too, that on the mean it is just this share."""
        import torch

        generator = step.generator(f"photos asked for {self.carried}")
        count = int(self.share * len(subject) + torch.rand((), generator=generator).item())
        order = torch.randperm(len(subject), generator=generator).tolist()
        return [subject[place] for place in sorted(order[:count])]

    def _frequent(self, step: Step, index: int) -> Caption:
        """A photo's caption without the identifier, in slots: one written by hand has no place for other words."""
        return replace(step.frequent(index), text="")

    def _asked(self, step: Step, index: int) -> Caption | None:
        """The same with the words of a class row in this batch, each photo the next; None where none says anything else."""
        own, mine = self._frequent(step, index), step.subjects[index]
        said = [i for i in step.indices("class") if step.captions[i].says(self.carried)]
        kin = [i for i in said if step.subjects[i] == mine]
        if self.carried == "style":  # is no more the one class's than the other's
            kin = kin or said
        asked = [replace(own, **{self.carried: getattr(step.captions[i], self.carried)}) for i in kin]
        others = [caption for caption in asked if caption != own]
        place = [i for i in step.indices("subject") if step.subjects[i] == mine].index(index)
        return others[place % len(others)] if others else None
