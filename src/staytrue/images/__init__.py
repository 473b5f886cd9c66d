"""Photos in, sheets out: loading users' folders, cropping, contact sheets, and what a PNG says about itself.

Reads folders of photos as people have them; returns RGB pictures or says, by name, what is wrong with which file.
Pictures are ``PIL.Image``; ``crop.pixels_pm1`` is the one door to tensors.
"""

from staytrue.images.decode import ALPHA_COLOR, MIN_SIDE_PX
from staytrue.images.grid import comparison_grid, contact_sheet
from staytrue.images.load import Photo, load_folder, read_photos
from staytrue.images.metadata import png_bytes, read_png_facts
from staytrue.images.photos import PhotoRow, photo_rows
from staytrue.images.scan import PhotoFile, scan_folder

__all__ = [
    "ALPHA_COLOR",
    "MIN_SIDE_PX",
    "Photo",
    "PhotoFile",
    "PhotoRow",
    "comparison_grid",
    "contact_sheet",
    "load_folder",
    "photo_rows",
    "png_bytes",
    "read_photos",
    "read_png_facts",
    "scan_folder",
]
