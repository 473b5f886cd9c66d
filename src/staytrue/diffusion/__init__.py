"""The mathematics of noising: tensors in, tensors out, no network.

Reads nothing and writes nothing. It is the only place that knows what noise, velocity and flow mean: everything above sees
a ``Noised`` with a target, and compares a prediction with it.
"""
