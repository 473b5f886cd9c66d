"""Icon families the world is drawn with: pinned packages, their licences, and how to fetch them."""

import json
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BUILD = Path(__file__).parent / "build"
ICONS = BUILD / "icons"


@dataclass(frozen=True)
class Source:
    """One icon family on the npm registry.

    Attributes:
        package: npm package name.
        version: pinned package version.
        licence: SPDX identifier of the artwork's licence.
        credit: who to name in NOTICE.
    """

    package: str
    version: str
    licence: str
    credit: str

    @property
    def archive(self) -> Path:
        """Where `npm pack` leaves the package."""
        return ICONS / f"{self.package.lstrip('@').replace('/', '-')}-{self.version}.tgz"


SOURCES = {
    "fluent": Source("@iconify-json/fluent-emoji", "1.2.7", "MIT", "Microsoft Fluent Emoji"),
    "flat": Source("@iconify-json/fluent-emoji-flat", "1.2.6", "MIT", "Microsoft Fluent Emoji"),
    "3d": Source("@lobehub/fluent-emoji-3d", "1.1.0", "MIT", "Microsoft Fluent Emoji"),
    "noto": Source("@iconify-json/noto", "1.2.9", "Apache-2.0", "Google Noto Emoji"),
    "noto-v1": Source("@iconify-json/noto-v1", "1.2.5", "Apache-2.0", "Google Noto Emoji"),
    "twemoji": Source("@iconify-json/twemoji", "1.2.5", "CC-BY-4.0", "Twitter, Inc and other contributors"),
}


def fetch() -> None:
    """Download every missing package with the ordinary npm client."""
    ICONS.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.values():
        if not source.archive.exists():
            spec = f"{source.package}@{source.version}"
            subprocess.run(["npm", "pack", "--silent", spec], cwd=ICONS, check=True)


@cache
def icon_set(family: str) -> dict:
    """The Iconify document of a family of SVG icons."""
    return json.loads(read_member(family, "package/icons.json"))


@cache
def codepoints() -> dict[str, str]:
    """Emoji name to hyphenated code points."""
    names = json.loads(read_member("noto", "package/chars.json"))
    return {name: code for code, name in names.items()}


@cache
def _archive(family: str) -> tarfile.TarFile:
    return tarfile.open(SOURCES[family].archive)


def read_member(family: str, path: str) -> bytes:
    """Bytes of one file inside a family's package.

    Raises:
        KeyError: The package holds no such file.
    """
    file = _archive(family).extractfile(path)
    if file is None:
        raise KeyError(path)
    return file.read()
