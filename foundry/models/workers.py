"""Several workers on one run, started by `torchrun`: gradients are averaged, worker 0 writes.

On a CPU two workers of one thread outrun one of two: they wait for each other once a step, not in every operation.
"""

import os

import torch
import torch.distributed as dist
from torch import Tensor


def join() -> None:
    """Meet the other workers, if there are any."""
    if "WORLD_SIZE" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def rank() -> int:
    """This worker's number."""
    return dist.get_rank() if dist.is_initialized() else 0


def count() -> int:
    """How many workers there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def average(gradients: list[Tensor]) -> None:
    """Replace gradients by their mean over the workers, in one message."""
    if not dist.is_initialized():
        return
    flat = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(flat)
    flat /= count()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view(gradient.shape))


def first(number: float) -> float:
    """Worker 0's number, so that all stop at the same step."""
    if not dist.is_initialized():
        return number
    shared = torch.tensor([number], dtype=torch.float64)
    dist.broadcast(shared, 0)
    return shared.item()
