"""Encoded images as bytes: which format they are of, and whether all of one is there."""

from __future__ import annotations

import zlib

JPEG, PNG, GZIP = b"\xff\xd8", b"\x89PNG", b"\x1f\x8b"
"""How a file of each kind begins."""
JPEG_END, PNG_END = b"\xff\xd9", b"IEND\xaeB`\x82"
MAX_UNZIPPED = 64 << 20
"""Bytes of a tile or of an archive's metadata; a stream that holds more is damaged, or meant to fill the memory."""
_SCAN = b"\xff\xda"


def format_of(data: bytes) -> str | None:
    """png, jpg, webp or avif, by the first bytes; None for anything else."""
    if data.startswith(JPEG):
        return "jpg"
    if data.startswith(PNG):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return "avif" if data[4:12] in (b"ftypavif", b"ftypavis") else None


def is_whole(data: bytes) -> bool:
    """Whether a JPEG or PNG has its end, whatever follows it; True for what is neither.

    OpenCV decodes one that is cut short without complaint, the rest of it grey. A JPEG's end is looked for behind
    its header, whose preview image has an end of its own.
    """
    if data.startswith(JPEG):
        return data.rfind(JPEG_END) >= _first_scan(data)
    return not data.startswith(PNG) or data.rfind(PNG_END) >= 0


def unzipped(data: bytes, most: int = MAX_UNZIPPED) -> bytes:
    """What a gzip stream holds; anything else, a damaged stream and one of more than `most` bytes, as it is."""
    if not data.startswith(GZIP):
        return data
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: with gzip's header
    try:
        content = stream.decompress(data, most)
    except zlib.error:  # whoever decodes it finds that it is no image
        return data
    return content if stream.eof else data


def _first_scan(data: bytes) -> int:
    """Where the pixels of a JPEG begin: behind segments that each state their length."""
    position = len(JPEG)
    while data[position : position + 1] == b"\xff" and data[position : position + 2] not in (_SCAN, JPEG_END):
        position += 2 + max(2, int.from_bytes(data[position + 2 : position + 4], "big"))
    return position
