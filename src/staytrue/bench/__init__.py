"""bench: the same subjects, prompts and judges for every recipe, and tables that are made from files alone.

``minibench`` trains recipes (or the variants of a suite file) on the bundled subjects, draws the bundled prompts, judges every
picture, and keeps one JSON per variant with all scores. ``table`` and ``plot`` read those JSONs and nothing else, so a number in
a table can always be recomputed. Read ``plan.py`` (what is to be run), ``measure.py`` (one run) and ``summary.py`` (the means).
Nothing here is imported by the stages.
"""

# what is compared where neither recipes nor a suite are named
COMPARED = ("dreambooth", "data-perspective")
