"""How much memory a run took at its peak."""

from __future__ import annotations

from pathlib import Path

RESET_PEAK, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def start_peak(device: str) -> None:
    """Forgets the peak so far: of the GPU, or of this process where the system can (Linux)."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        RESET_PEAK.write_text("5")
    except OSError:
        return  # elsewhere the peak is that of the process since its start


def peak_mb(device: str) -> float:
    """The peak in MiB: allocated on the GPU, else resident in this process; 0 where the system does not say."""
    if device.startswith("cuda"):
        import torch

        return round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    if STATUS.is_file():
        lines = [line.split() for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:")]
        return round(int(lines[0][1]) / 1024, 1) if lines else 0.0
    try:
        import resource
    except ImportError:
        return 0.0
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 1)  # bytes, on macOS
