"""Folders as users have them: every form, every fault."""

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from staytrue.errors import ImageError
from staytrue.images import load_folder
from staytrue.images.decode import MAX_PIXELS
from staytrue.images.scan import KOHYA


def picture(seed: int = 0, size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    """Smooth random colors, different for every seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode)


def names(folder: Path) -> list[str]:
    return [photo.path.name for photo in load_folder(folder)]


def refusal(folder: Path) -> str:
    with pytest.raises(ImageError) as error:
        load_folder(folder)
    return str(error.value)


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".webp"])
def test_every_format_loads_as_rgb(tmp_path: Path, suffix: str) -> None:
    picture().save(tmp_path / f"dog{suffix}")
    (photo,) = load_folder(tmp_path)
    assert photo.image.mode == "RGB"
    assert photo.image.size == (64, 48)
    assert np.abs(np.asarray(photo.image).astype(int) - np.asarray(picture()).astype(int)).mean() < 8
    assert photo.text is None
    assert photo.repeats == 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("suffix", "options"), [("png", {}), ("jpg", {"quality": 95}), ("webp", {"lossless": True})])
def test_exif_orientation_is_applied_and_forgotten(
    tmp_path: Path, orientation: int, suffix: str, options: dict[str, Any]
) -> None:
    """A red corner at the upper left, stored in each of the eight orientations, is at the upper left again."""
    upright = np.full((64, 48, 3), 200, np.uint8)
    upright[:16, :16] = (255, 0, 0)
    undo = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1), 7: upright[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(upright, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(undo[orientation])).save(tmp_path / f"a.{suffix}", exif=exif, **options)
    (photo,) = load_folder(tmp_path)
    assert photo.image.size == (48, 64)
    away = np.abs(np.asarray(photo.image).astype(int) - upright)
    assert away.mean() < 2 if suffix == "jpg" else away.max() == 0
    assert photo.image.getexif().get(0x0112, 1) == 1


def test_transparency_shows_the_stated_color(tmp_path: Path) -> None:
    """Half transparent black over white is middle gray; over red it is dark red."""
    Image.new("RGBA", (40, 40), (0, 0, 0, 128)).save(tmp_path / "a.png")
    (white,), (red,) = load_folder(tmp_path), load_folder(tmp_path, alpha_color="red")
    assert white.image.getpixel((5, 5)) == (127, 127, 127)
    assert red.image.getpixel((5, 5)) == (127, 0, 0)


def test_a_palette_with_a_transparent_entry_is_flattened(tmp_path: Path) -> None:
    image = Image.new("P", (40, 40), 1)
    image.putpalette([9, 9, 9, 0, 0, 0])
    image.save(tmp_path / "a.png", transparency=1)
    assert load_folder(tmp_path)[0].image.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_gray_and_print_colors_become_rgb(tmp_path: Path, mode: str) -> None:
    picture(mode=mode).save(tmp_path / "a.jpg")
    assert load_folder(tmp_path)[0].image.mode == "RGB"


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    """32896 of 65535 is 128 of 255."""
    Image.fromarray(np.full((40, 40), 32896, np.uint16)).save(tmp_path / "a.png")
    assert load_folder(tmp_path)[0].image.getpixel((3, 3)) == (128, 128, 128)


def test_a_color_profile_is_applied(tmp_path: Path) -> None:
    """Stored as linear light, 55 of 255 is a reflectance of .216, and so 128 in sRGB's curve. Others are kept."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, profile in (("linear", linear_profile()), ("nonsense", b"not a profile"), ("srgb", srgb)):
        Image.new("RGB", (40, 40 + len(name)), (55, 55, 55)).save(tmp_path / f"{name}.png", icc_profile=profile)
    linear, nonsense, kept = (photo.image.getpixel((0, 0)) for photo in load_folder(tmp_path))
    assert all(abs(value - 128) <= 1 for value in linear)
    assert nonsense == kept == (55, 55, 55)


def linear_profile() -> bytes:
    """A minimal ICC profile: sRGB's primaries (adapted to D50) with straight curves."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(round(v * 65536).to_bytes(4, "big") for v in values)

    tags = {
        b"wtpt": xyz(0.9642, 1, 0.8249), b"rXYZ": xyz(0.4361, 0.2225, 0.0139), b"gXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141), **{key: b"curv" + bytes(8) for key in (b"rTRC", b"gTRC", b"bTRC")},
    }  # fmt: skip
    table, data = len(tags).to_bytes(4, "big"), b""
    for key, value in tags.items():
        table += key + (132 + 12 * len(tags) + len(data)).to_bytes(4, "big") + len(value).to_bytes(4, "big")
        data += value
    header = bytes(4) + bytes(4) + b"\x02\x10\0\0" + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    header += xyz(0.9642, 1, 0.8249)[8:] + bytes(48)
    profile = header + table + data
    return len(profile).to_bytes(4, "big") + profile[4:]


def test_other_exif_that_is_odd_does_not_matter(tmp_path: Path) -> None:
    """A resolution written as text, beside an orientation that asks for a turn."""
    resolution, unit = 0x011A, 0x0128
    entries = [(0x0112, 3, 1, struct.pack("<HH", 6, 0)), (resolution, 2, 3, b"72\0\0"), (unit, 2, 2, b"i\0\0\0")]
    packed = b"".join(struct.pack("<HHI", *head) + value for *head, value in entries)
    tiff = b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + bytes(4)
    picture().save(tmp_path / "a.jpg", exif=b"Exif\0\0" + tiff)
    (photo,) = load_folder(tmp_path)
    assert photo.image.size == (48, 64)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize(
    "exif", [b"II*\0\x08\0", b"II*\0\x08\0\0\0\x05\0", b"written by a shop"], ids=["cut", "short", "text"]
)
def test_exif_that_cannot_be_read_leaves_the_photo_as_it_is_stored(tmp_path: Path, exif: bytes, suffix: str) -> None:
    """Cut off in its head or among its entries, or no TIFF at all: what a JPEG may have, a PNG or WebP may have."""
    picture().save(tmp_path / f"a.{suffix}", exif=b"Exif\0\0" + exif)
    (photo,) = load_folder(tmp_path)
    assert photo.image.size == (64, 48)


def test_a_name_with_a_digit_that_is_no_number_is_sorted_too(tmp_path: Path) -> None:
    for number, name in enumerate(("5²3.jpg", "5²20.jpg", "4.jpg")):
        picture(number).save(tmp_path / name)
    assert names(tmp_path) == ["4.jpg", "5²3.jpg", "5²20.jpg"]


def test_natural_order_and_junk_skipped(tmp_path: Path) -> None:
    for seed, name in enumerate(["Photo 10.png", "photo 2.png", "photo 1.png", ".hidden.png", "._photo 1.png"]):
        picture(seed).save(tmp_path / name)
    for junk in ("Thumbs.db", ".DS_Store", "desktop.ini", "notes.pdf"):
        (tmp_path / junk).write_bytes(b"junk")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    picture(9).save(tmp_path / ".ipynb_checkpoints" / "photo 3.png")
    assert names(tmp_path) == ["photo 1.png", "photo 2.png", "Photo 10.png"]


def test_text_of_the_same_stem(tmp_path: Path) -> None:
    picture(0).save(tmp_path / "a.png")
    picture(1).save(tmp_path / "b.png")
    (tmp_path / "a.txt").write_text("\ufeff a dog\n on a rock \r\n", encoding="utf-8")
    assert [p.text for p in load_folder(tmp_path)] == ["a dog on a rock", None]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_metadata(tmp_path: Path, kind: str) -> None:
    for seed in (1, 2):
        picture(seed).save(tmp_path / f"{seed}.png")
    rows = [
        {"file_name": "2.png", "text": 'a "good", old dog', "background": "x"},
        {"file_name": "1.png", "text": "a dog"},
    ]
    if kind == "jsonl":
        (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    else:
        (tmp_path / "metadata.csv").write_text('file_name,text\n2.png,"a ""good"", old dog"\n1.png,a dog\n')
    assert [(p.path.name, p.text) for p in load_folder(tmp_path)] == [
        ("1.png", "a dog"),
        ("2.png", 'a "good", old dog'),
    ]


def test_a_line_of_metadata_ends_where_json_lines_end(tmp_path: Path) -> None:
    """Other programs write U+2028, U+0085 and their like as they are, and Windows ends lines with two characters."""
    picture(1).save(tmp_path / "1.png")
    row = json.dumps({"file_name": "1.png", "text": "a dog\u2028on a\x85rock"}, ensure_ascii=False)
    (tmp_path / "metadata.jsonl").write_bytes(f"{row}\r\n".encode())
    assert [p.text for p in load_folder(tmp_path)] == ["a dog on a rock"]


def test_metadata_may_name_files_in_subfolders_but_not_outside(tmp_path: Path) -> None:
    home = tmp_path / "photos"
    (home / "sub").mkdir(parents=True)
    picture(1).save(home / "sub" / "a.png")
    (home / "metadata.jsonl").write_text('{"file_name": "sub/a.png", "text": "a dog"}\n')
    assert [(p.path.name, p.text) for p in load_folder(home)] == [("a.png", "a dog")]
    picture(2).save(tmp_path / "secret.png")
    (home / "metadata.jsonl").write_text('{"file_name": "../secret.png", "text": "a dog"}\n')
    assert "outside the folder" in refusal(home)


def test_photos_may_be_links_into_a_store_of_files(tmp_path: Path) -> None:
    """As in the hub's cache of a data set: the folder has links, the files have hashes for names and lie elsewhere."""
    (tmp_path / "blobs").mkdir()
    (home := tmp_path / "snapshot").mkdir()
    for number in range(2):
        picture(number).save(tmp_path / "blobs" / f"hash{number}", "PNG")
        (home / f"{number}.png").symlink_to(f"../blobs/hash{number}")
    rows = [{"file_name": f"{number}.png", "text": f"photo {number}"} for number in range(2)]
    (home / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [(p.path.name, p.text) for p in load_folder(home)] == [("0.png", "photo 0"), ("1.png", "photo 1")]
    (tmp_path / "blobs" / "hash1").unlink()
    assert "1.png is listed in the metadata, but absent" in refusal(home)


def test_kohya_subfolders(tmp_path: Path) -> None:
    for seed, sub in enumerate(["10_sks dog", "3_red sks dog", "originals"]):
        (tmp_path / sub).mkdir()
        picture(seed).save(tmp_path / sub / "a.png")
    (tmp_path / "3_red sks dog" / "a.txt").write_text("its own words, a dog")
    found = [(p.path.parent.name, p.repeats, p.text) for p in load_folder(tmp_path)]
    assert found == [("3_red sks dog", 3, "its own words, a dog"), ("10_sks dog", 10, "sks dog")]


def test_a_numbered_subfolder_is_kohya_s_only_up_to_a_hundred(tmp_path: Path) -> None:
    """A year is no number of repeats: one photo would count two thousand times."""
    assert [bool(KOHYA.fullmatch(name)) for name in ("1_dog", "10_sks dog", "100_dog")] == [True] * 3
    assert not any(KOHYA.fullmatch(name) for name in ("2024_originals", "101_dog", "0_dog", "007_dog"))


def test_every_fault_is_named_in_one_message(tmp_path: Path) -> None:
    picture(0).save(tmp_path / "good.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff not a jpg")
    buffer = io.BytesIO()
    picture(1, (256, 256)).save(buffer, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(buffer.getvalue()[:700])
    picture(2, (31, 400)).save(tmp_path / "tiny.png")
    picture(3).save(tmp_path / "moving.webp", save_all=True, append_images=[picture(4)], duration=100)
    picture(0).save(tmp_path / "twin.webp", lossless=True)
    (tmp_path / "iphone.HEIC").write_bytes(b"heic")
    (tmp_path / "clip.gif").write_bytes(b"gif")
    message = refusal(tmp_path)
    for name, why in {
        "broken.jpg": "broken", "cut.jpg": "truncated", "tiny.png": "31 x 400", "moving.webp": "animated (2 frames)",
        "twin.webp": "same pixels as good.png", "iphone.HEIC": "heic file", "clip.gif": "gif file",
    }.items():  # fmt: skip
        line = next(line for line in message.splitlines() if line.startswith(f"  - {name}"))
        assert why in line
    assert "  - good.png" not in message
    assert str(tmp_path) in message.splitlines()[0]


@pytest.mark.parametrize("size", [(64, 64), (32, 32)])
def test_small_photos_are_fine(tmp_path: Path, size: tuple[int, int]) -> None:
    picture(0, size).save(tmp_path / "a.png")
    assert load_folder(tmp_path)[0].image.size == size


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """A PNG header that promises 30000 x 30000 pixels, and one just over our limit but under PIL's."""
    for name, side in (("bomb.png", 30_000), ("large.png", int(MAX_PIXELS**0.5) + 2)):
        (tmp_path / name).write_bytes(png_header(side))
    message = refusal(tmp_path)
    assert "bomb.png has far more pixels" in message
    assert "large.png has 10956 x 10956 pixels" in message


def png_header(side: int) -> bytes:
    """A PNG with the size in its header and hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")
    )


def test_two_views_in_one_jpg_are_no_animation(tmp_path: Path) -> None:
    """Phones write MPO: a second picture after the first."""
    picture(0).save(tmp_path / "phone.jpg", "MPO", save_all=True, append_images=[picture(1)])
    with Image.open(tmp_path / "phone.jpg") as image:
        assert image.format == "MPO"
        assert image.n_frames == 2
    assert names(tmp_path) == ["phone.jpg"]


def test_a_wrong_suffix_does_not_matter(tmp_path: Path) -> None:
    picture(0).save(tmp_path / "really-webp.jpg", "WEBP")
    assert names(tmp_path) == ["really-webp.jpg"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"metadata.jsonl": '{"file_name": "gone.png", "text": "x"}'},
            "gone.png is listed in the metadata, but absent",
        ),
        ({"metadata.jsonl": "{nonsense"}, "metadata.jsonl line 1 is not JSON"),
        ({"metadata.jsonl": '["a.png", "a dog"]'}, 'needs "file_name" and "text"'),
        ({"metadata.jsonl": '{"file_name": "a.png"}'}, "no text for a.png"),
        ({"metadata.csv": "name,caption\na.png,a dog\n"}, "lacks the column file_name, text"),
        ({"metadata.csv": "file_name,text\na.png,a dog\n", "a.txt": "a cat"}, "a.png has two captions"),
        ({"metadata.csv": "file_name,text\na.png,a dog\na.png,a cat\n"}, "second, different caption for a.png"),
        ({"a.txt": "  \n"}, "a.txt is empty"),
    ],
)
def test_captions_that_cannot_be_meant(tmp_path: Path, files: dict[str, str], said: str) -> None:
    picture().save(tmp_path / "a.png")
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert said in refusal(tmp_path)


def test_a_caption_in_another_encoding(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_bytes("a dog in a caf\xe9".encode("latin-1"))
    assert "a.txt is not UTF-8" in refusal(tmp_path)


def test_folders_without_photos(tmp_path: Path) -> None:
    assert "has no jpg, png or webp photo" in refusal(tmp_path)
    (tmp_path / "train").mkdir()
    picture().save(tmp_path / "train" / "a.png")
    assert "photos in its subfolder train" in refusal(tmp_path)
    assert "does not exist" in refusal(tmp_path / "nowhere")
    assert "is a file" in refusal(tmp_path / "train" / "a.png")
