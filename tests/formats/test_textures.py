"""Finding and decoding the pictures of a model; all files are made here, byte by byte where Pillow cannot."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import unicodedata
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mmdgen.formats import load_texture, shared_toon
from mmdgen.formats.pictures import PictureError, decode_picture

RNG = np.random.default_rng(5)
PICTURE = RNG.integers(0, 256, (5, 7, 4), np.uint8)
OPAQUE = np.dstack([PICTURE[..., :3], np.full((5, 7), 255, np.uint8)])
GRAY = np.dstack([PICTURE[..., :1]] * 3 + [np.full((5, 7), 255, np.uint8)])


def pillow_file(pixels: NDArray[np.uint8], kind: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **settings)
    return buffer.getvalue()


def decoded(data: bytes) -> NDArray[np.uint8]:
    pixels, remarks = decode_picture(data)
    assert remarks == ()
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 4
    assert pixels.flags.c_contiguous
    return pixels


def tga(
    body: bytes,
    *,
    kind: int,
    bits: int,
    descriptor: int = 0x20,
    palette: bytes = b"",
    palette_bits: int = 0,
    first: int = 0,
    size: tuple[int, int] = (7, 5),
    comment: bytes = b"",
) -> bytes:
    entries = len(palette) // ((palette_bits + 7) // 8) if palette else 0
    header = struct.pack(
        "<BBBHHBHHHHBB",
        len(comment),
        1 if palette else 0,
        kind,
        first,
        entries,
        palette_bits,
        0,
        0,
        *size,
        bits,
        descriptor,
    )
    return header + comment + palette + body


def packed(pixels: NDArray[np.uint8]) -> bytes:
    """Run-length packets of (n, bytes) pixels: runs where two neighbours are equal, else raw ones."""
    out, row = b"", 0
    while row < len(pixels):
        run = 1
        while run < 128 and row + run < len(pixels) and (pixels[row + run] == pixels[row]).all():
            run += 1
        if run > 1:
            out += bytes([0x7F + run]) + pixels[row].tobytes()
        else:
            out += b"\0" + pixels[row].tobytes()
        row += run
    return out


BGRA = PICTURE[..., [2, 1, 0, 3]]
BGR = PICTURE[..., [2, 1, 0]]
STRIPES = np.repeat(BGRA[:, :1], 7, axis=1)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        pytest.param(tga(BGRA.tobytes(), kind=2, bits=32, descriptor=0x28), PICTURE, id="32 bits"),
        pytest.param(tga(BGR.tobytes(), kind=2, bits=24, comment=b"made by hand"), OPAQUE, id="24 bits"),
        pytest.param(tga(BGR[::-1].tobytes(), kind=2, bits=24, descriptor=0), OPAQUE, id="bottom up"),
        pytest.param(
            tga(BGR[:, ::-1].tobytes(), kind=2, bits=24, descriptor=0x30), OPAQUE, id="right to left"
        ),
        pytest.param(
            tga(BGR[::-1, ::-1].tobytes(), kind=2, bits=24, descriptor=0x10), OPAQUE, id="from bottom right"
        ),
        pytest.param(tga(PICTURE[..., 0].tobytes(), kind=3, bits=8), GRAY, id="gray"),
        pytest.param(
            tga(PICTURE[..., [0, 3]].tobytes(), kind=3, bits=16, descriptor=0x28),
            np.dstack([GRAY[..., :3], PICTURE[..., 3]]),
            id="gray with alpha",
        ),
        pytest.param(
            tga(packed(BGRA.reshape(-1, 4)), kind=10, bits=32, descriptor=0x28), PICTURE, id="packed"
        ),
        pytest.param(
            tga(packed(STRIPES.reshape(-1, 4)), kind=10, bits=32, descriptor=0x28),
            STRIPES[..., [2, 1, 0, 3]],
            id="packed runs",
        ),
        pytest.param(tga(packed(PICTURE[..., :1].reshape(-1, 1)), kind=11, bits=8), GRAY, id="packed gray"),
        pytest.param(
            tga(
                np.arange(35, dtype=np.uint8).tobytes(),
                kind=1,
                bits=8,
                palette=BGR.tobytes(),
                palette_bits=24,
            ),
            OPAQUE,
            id="palette of 24 bits",
        ),
        pytest.param(
            tga(
                packed(np.arange(100, 135, dtype=np.uint8)[:, None]),
                kind=9,
                bits=8,
                palette=BGRA.tobytes(),
                palette_bits=32,
                first=100,
                descriptor=0x28,
            ),
            PICTURE,
            id="packed palette that begins at 100",
        ),
    ],
)
def test_tga_of_every_kind(data: bytes, wanted: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(decoded(data), wanted)


@pytest.mark.parametrize(("descriptor", "alpha"), [(0x20, 255), (0x21, 0)])
@pytest.mark.parametrize("bits", [15, 16])
def test_tga_of_five_bits_a_channel(bits: int, descriptor: int, alpha: int) -> None:
    words = np.array([[0x7C00, 0x03E0, 0x001F, 0x0210 | 0x8000]], "<u2")
    pixels = decoded(tga(words.tobytes(), kind=2, bits=bits, descriptor=descriptor, size=(4, 1)))
    assert pixels[0, 0].tolist() == [255, 0, 0, alpha]
    assert pixels[0, 1].tolist() == [0, 255, 0, alpha]
    assert pixels[0, 2].tolist() == [0, 0, 255, alpha]
    assert pixels[0, 3].tolist() == [0, 132, 132, 255]


def test_tga_fourth_byte_that_is_no_alpha_and_all_0_is_opaque() -> None:
    empty = BGRA.copy()
    empty[..., 3] = 0
    np.testing.assert_array_equal(decoded(tga(empty.tobytes(), kind=2, bits=32)), OPAQUE)
    assert decoded(tga(empty.tobytes(), kind=2, bits=32, descriptor=0x28))[..., 3].max() == 0


def bmp32(pixels: NDArray[np.uint8], *, top_down: bool = False, header: int = 40) -> bytes:
    height, width = pixels.shape[:2]
    rows = pixels[..., [2, 1, 0, 3]] if top_down else pixels[::-1][..., [2, 1, 0, 3]]
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) if header >= 56 else b""
    info = struct.pack(
        "<IiiHHIIiiII",
        header,
        width,
        -height if top_down else height,
        1,
        32,
        3 if masks else 0,
        0,
        0,
        0,
        0,
        0,
    )
    info = (info + masks).ljust(header, b"\0")
    return struct.pack("<2sIHHI", b"BM", 0, 0, 0, 14 + header) + info + rows.tobytes()


@pytest.mark.parametrize("header", [40, 56, 108, 124])
@pytest.mark.parametrize("top_down", [False, True])
def test_bmp_of_32_bits_keeps_its_alpha(header: int, top_down: bool) -> None:
    np.testing.assert_array_equal(decoded(bmp32(PICTURE, header=header, top_down=top_down)), PICTURE)


def test_bmp_of_32_bits_whose_alpha_is_all_0_is_opaque() -> None:
    empty = PICTURE.copy()
    empty[..., 3] = 0
    np.testing.assert_array_equal(decoded(bmp32(empty)), OPAQUE)
    empty[2, 3, 3] = 1
    assert decoded(bmp32(empty))[..., 3].sum() == 1


def test_bmp_of_565() -> None:
    words = np.array([[0xF800, 0x07E0, 0x001F, 0xFFFF]], "<u2")
    info = struct.pack("<IiiHHIIiiII", 40, 4, 1, 1, 16, 3, 0, 0, 0, 0, 0)
    masks = struct.pack("<4I", 0xF800, 0x07E0, 0x001F, 0)
    data = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 14 + 40 + 16) + info + masks + words.tobytes()
    wanted = [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [255, 255, 255, 255]]
    assert decoded(data)[0].tolist() == wanted


def dds(
    body: bytes,
    *,
    flags: int,
    bits: int = 0,
    masks: tuple[int, int, int, int] = (0, 0, 0, 0),
    fourcc: bytes = b"\0\0\0\0",
    size: tuple[int, int] = (7, 5),
    dxgi: int | None = None,
) -> bytes:
    header = struct.pack("<4sII2I11I", b"DDS ", 124, 0x1007, size[1], size[0], *[0] * 11)[:20]
    header = header.ljust(76, b"\0") + struct.pack("<2I4s5I", 32, flags, fourcc, bits, *masks)
    header = header.ljust(128, b"\0")
    if dxgi is not None:
        header += struct.pack("<5I", dxgi, 3, 0, 1, 0)
    return header + body


BGRA_MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        pytest.param(dds(BGRA.tobytes(), flags=0x41, bits=32, masks=BGRA_MASKS), PICTURE, id="BGRA8"),
        pytest.param(
            dds(BGRA.tobytes(), flags=0x40, bits=32, masks=(0xFF0000, 0xFF00, 0xFF, 0)), OPAQUE, id="BGRX8"
        ),
        pytest.param(
            dds(PICTURE.tobytes(), flags=0x41, bits=32, masks=(0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
            PICTURE,
            id="RGBA8",
        ),
        pytest.param(
            dds(BGR.tobytes(), flags=0x40, bits=24, masks=(0xFF0000, 0xFF00, 0xFF, 0)), OPAQUE, id="BGR8"
        ),
        pytest.param(
            dds(PICTURE[..., 3].tobytes(), flags=0x2, bits=8, masks=(0, 0, 0, 0xFF)),
            np.dstack([np.zeros((5, 7, 3), np.uint8), PICTURE[..., 3]]),
            id="A8",
        ),
        pytest.param(
            dds(PICTURE[..., 0].tobytes(), flags=0x20000, bits=8, masks=(0xFF, 0, 0, 0)), GRAY, id="L8"
        ),
        pytest.param(
            dds(PICTURE[..., [0, 3]].tobytes(), flags=0x20001, bits=16, masks=(0xFF, 0, 0, 0xFF00)),
            np.dstack([GRAY[..., :3], PICTURE[..., 3]]),
            id="A8L8",
        ),
        pytest.param(dds(BGRA.tobytes(), flags=0x4, fourcc=b"DX10", dxgi=87), PICTURE, id="DX10 BGRA8"),
        pytest.param(dds(BGRA.tobytes(), flags=0x4, fourcc=b"DX10", dxgi=91), PICTURE, id="DX10 BGRA8 sRGB"),
        pytest.param(dds(PICTURE.tobytes(), flags=0x4, fourcc=b"DX10", dxgi=28), PICTURE, id="DX10 RGBA8"),
        pytest.param(
            dds(PICTURE[..., 3].tobytes(), flags=0x4, fourcc=b"DX10", dxgi=65),
            np.dstack([np.zeros((5, 7, 3), np.uint8), PICTURE[..., 3]]),
            id="DX10 A8",
        ),
    ],
)
def test_dds_without_compression(data: bytes, wanted: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(decoded(data), wanted)


def test_dds_of_4444_and_1555() -> None:
    words = np.array([[0xF80F, 0x7FFF]], "<u2").tobytes()
    four = dds(words, flags=0x41, bits=16, masks=(0x0F00, 0x00F0, 0x000F, 0xF000), size=(2, 1))
    assert decoded(four)[0].tolist() == [[136, 0, 255, 255], [255, 255, 255, 119]]
    one = dds(words, flags=0x41, bits=16, masks=(0x7C00, 0x03E0, 0x001F, 0x8000), size=(2, 1))
    assert decoded(one)[0].tolist() == [[247, 0, 123, 255], [255, 255, 255, 0]]


RED_TO_BLUE = struct.pack("<HHI", 0xF800, 0x001F, 0b11_10_01_00)  # the first four pixels take colors 0 to 3


@pytest.mark.parametrize(("name", "twin"), [(b"DXT2", b"DXT3"), (b"DXT4", b"DXT5")])
def test_dds_with_premultiplied_colors_is_read_as_its_twin(name: bytes, twin: bytes) -> None:
    alpha = bytes(range(0x10, 0x18)) if twin == b"DXT3" else bytes([250, 10, 0x88, 0xC6, 0xFA, 1, 2, 3])
    block = alpha + RED_TO_BLUE
    first, second = (decoded(dds(block, flags=0x4, fourcc=fourcc, size=(4, 4))) for fourcc in (name, twin))
    np.testing.assert_array_equal(first, second)
    assert first[0, :2, :3].tolist() == [[255, 0, 0], [0, 0, 255]]
    if twin == b"DXT3":
        assert first[0, :4, 3].tolist() == [0, 17, 17, 17]  # nibbles of 0x10 0x11, low first
    else:
        assert first[0, 0, 3] == 250


def test_dds_of_dxt1_has_transparent_pixels() -> None:
    block = struct.pack("<HHI", 0x001F, 0xF800, 0b11_10_01_00)
    pixels = decoded(dds(block, flags=0x4, fourcc=b"DXT1", size=(4, 4)))
    assert pixels[0, 3, 3] == 0
    assert pixels[0, 0].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "WEBP"])
def test_content_tells_the_kind_not_the_extension(tmp_path: Path, kind: str) -> None:
    flat = np.full((4, 4, 3), (200, 100, 50), np.uint8)
    settings = {"lossless": True} if kind == "WEBP" else {}
    (tmp_path / "shine.sph").write_bytes(pillow_file(flat, kind, **settings))
    texture = load_texture(tmp_path, "shine.sph")
    assert texture.warnings == ()
    assert texture.pixels is not None
    assert texture.pixels[0, 0].tolist() == [200, 100, 50, 255]


def test_png_that_is_a_jpeg_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(pillow_file(np.full((8, 8, 3), 128, np.uint8), "JPEG"))
    texture = load_texture(tmp_path, "a.png")
    assert texture.pixels is not None
    assert texture.pixels[0, 0].tolist() == [128, 128, 128, 255]


def test_png_of_16_bits_of_gray_keeps_its_levels() -> None:
    levels = np.array([[0, 32768, 65535]], np.uint16)
    assert decoded(pillow_file(levels, "PNG"))[0, :, 0].tolist() == [0, 128, 255]  # type: ignore[arg-type]


def test_palette_with_a_transparent_color_has_alpha() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putdata([0, 1])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", transparency=1)
    assert decoded(buffer.getvalue())[0].tolist() == [[10, 20, 30, 255], [40, 50, 60, 0]]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TGA", "DDS", "BMP32"])
def test_truncated_picture_is_repaired_with_a_warning(tmp_path: Path, kind: str) -> None:
    noise = RNG.integers(0, 256, (64, 64, 3), np.uint8)
    four = np.dstack([noise, np.full((64, 64), 200, np.uint8)])
    data = {
        "BMP32": bmp32(four, top_down=True),
        "TGA": tga(noise.tobytes(), kind=2, bits=24, size=(64, 64)),
        "DDS": dds(four.tobytes(), flags=0x41, bits=32, masks=BGRA_MASKS, size=(64, 64)),
    }.get(kind) or pillow_file(noise, kind)
    (tmp_path / "a.png").write_bytes(data[: len(data) * 2 // 3])
    texture = load_texture(tmp_path, "a.png")
    assert texture.pixels is not None
    assert texture.pixels.shape == (64, 64, 4)
    assert len(texture.warnings) == 1
    assert "ends too early" in texture.warnings[0]
    assert texture.pixels[8:24].std() > 30  # the part that is there


@pytest.mark.parametrize("cut", [1, 4, 10, 17, 30])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF"])
def test_picture_cut_in_its_header_is_untextured(tmp_path: Path, kind: str, cut: int) -> None:
    data = pillow_file(np.zeros((4, 4, 3), np.uint8), kind)
    (tmp_path / "a.png").write_bytes(data[:cut])
    texture = load_texture(tmp_path, "a.png")
    if texture.pixels is None:
        assert texture.warnings[-1].endswith("; drawn untextured")
    assert texture.warnings


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    body = zlib.compress(bytes(1 << 20), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        png_claiming(60_000, 60_000),
        png_claiming(9_000, 9_000),
        tga(b"\xff" * 90, kind=10, bits=32, size=(65_000, 65_000)),
        tga(b"\xff" * 90, kind=2, bits=32, size=(4_000, 4_000)),
        dds(b"", flags=0x41, bits=32, masks=BGRA_MASKS, size=(2**31 - 1, 2**31 - 1)),
        dds(bytes(64), flags=0x4, fourcc=b"DXT5", size=(40_000, 40_000)),
        struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 0, 0, 0, 54, 40, 30_000, 30_000, 1, 32, 0, 0, 0, 0, 0, 0)
        + bytes(64),
    ],
)
def test_decompression_bomb_is_refused_before_decoding(data: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(PictureError, match="refused"):
        decode_picture(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_what_is_no_picture_is_untextured(tmp_path: Path) -> None:
    for data in (b"", b"hello", b"\0" * 100, b"version https://git-lfs.github.com/spec/v1\n"):
        (tmp_path / "a.png").write_bytes(data)
        texture = load_texture(tmp_path, "a.png")
        assert texture.pixels is None
        assert "drawn untextured" in texture.warnings[0]


def test_any_damage_to_a_picture_is_survived() -> None:
    rng = np.random.default_rng(3)
    files = [
        pillow_file(PICTURE, "PNG"),
        pillow_file(OPAQUE[..., :3], "JPEG"),
        pillow_file(OPAQUE[..., :3], "BMP"),
        pillow_file(OPAQUE[..., :3], "GIF"),
        bmp32(PICTURE, header=124),
        tga(packed(BGRA.reshape(-1, 4)), kind=10, bits=32),
        tga(bytes(35), kind=1, bits=8, palette=BGR.tobytes(), palette_bits=24),
        dds(BGRA.tobytes(), flags=0x41, bits=32, masks=BGRA_MASKS),
        dds(bytes(16) * 2, flags=0x4, fourcc=b"DXT4", size=(8, 4)),
    ]
    for number in range(900):
        data = bytearray(files[number % len(files)])
        for _ in range(int(rng.integers(1, 4))):
            data[int(rng.integers(len(data)))] = int(rng.integers(256))
        try:
            pixels, _ = decode_picture(bytes(data[: int(rng.integers(1, len(data) + 1))]))
        except PictureError:
            continue
        assert pixels.ndim == 3
        assert pixels.shape[2] == 4


# Paths


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    (model / "Tex" / "顔").mkdir(parents=True)
    png = pillow_file(PICTURE, "PNG")
    for name in ("Body.PNG", "Tex/Skin.png", "Tex/顔/目.png", unicodedata.normalize("NFD", "Tex/が.png")):
        (model / name).write_bytes(png)
    (tmp_path / "outside.png").write_bytes(png)
    return model


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Body.PNG", "Body.PNG"),
        ("body.png", "Body.PNG"),
        ("Tex\\Skin.png", "Tex/Skin.png"),
        ("tex/SKIN.PNG", "Tex/Skin.png"),
        (".\\Tex\\顔\\目.png", "Tex/顔/目.png"),
        ("Tex/./../Body.PNG", "Body.PNG"),
        ("目.png", "Tex/顔/目.png"),
        ("wrong/目.png", "Tex/顔/目.png"),
        ("C:\\Users\\me\\MMD\\Skin.png", "Tex/Skin.png"),
        ("\\\\server\\share\\Skin.png", "Tex/Skin.png"),
        ("/home/me/Skin.png", "Tex/Skin.png"),
        ("C:Skin.png", "Tex/Skin.png"),
        ("Skin.png\0garbage", "Tex/Skin.png"),
        ("Skin.png ", "Tex/Skin.png"),
        ("Tex/" + unicodedata.normalize("NFC", "が") + ".png", unicodedata.normalize("NFD", "Tex/が.png")),
        (unicodedata.normalize("NFC", "が") + ".PNG", unicodedata.normalize("NFD", "Tex/が.png")),
        ("../model/Body.PNG", "Body.PNG"),
    ],
)
def test_path_is_found(folder: Path, name: str, found: str) -> None:
    texture = load_texture(folder, name)
    assert texture.path is not None
    assert unicodedata.normalize("NFC", texture.path.relative_to(folder).as_posix()) == unicodedata.normalize(
        "NFC", found
    )
    assert texture.pixels is not None
    np.testing.assert_array_equal(texture.pixels, PICTURE)


def test_exact_path_has_no_warning_and_another_spelling_has_one(folder: Path) -> None:
    assert load_texture(folder, "Tex\\Skin.png").warnings == ()
    (warning,) = load_texture(folder, "wrong\\skin.png").warnings
    assert warning == "texture wrong/skin.png was found as Tex/Skin.png"


@pytest.mark.parametrize(
    "name",
    ["../outside.png", "..\\..\\outside.png", "Tex/../../outside.png", "/etc/passwd", "C:\\outside.png"],
)
def test_nothing_outside_the_folder_is_opened(folder: Path, name: str) -> None:
    texture = load_texture(folder, name)
    assert texture.path is None
    assert texture.pixels is None
    assert "drawn untextured" in texture.warnings[0]


def test_link_out_of_the_folder_is_not_followed(folder: Path) -> None:
    try:
        (folder / "link.png").symlink_to(folder.parent / "outside.png")
        (folder / "door").symlink_to(folder.parent, target_is_directory=True)
        (folder / "inside.png").symlink_to(folder / "Body.PNG")
        (folder / "circle.png").symlink_to(folder / "circle.png")
    except OSError:
        pytest.skip("symbolic links are not allowed here")
    for name in ("link.png", "door/outside.png", "outside.png", "circle.png"):
        texture = load_texture(folder, name)
        assert texture.path is None, name
    assert "leads out of the model's folder" in load_texture(folder, "link.png").warnings[0]
    assert load_texture(folder, "inside.png").pixels is not None


@pytest.mark.parametrize(
    "name", ["", " ", ".", "..", "/", "C:", "\0", "Tex", "a" * 300, "a/" * 200 + "b", "?*<>|.png"]
)
def test_name_that_is_no_file_is_missing(folder: Path, name: str) -> None:
    texture = load_texture(folder, name)
    assert texture.path is None
    assert texture.pixels is None
    assert texture.warnings


def test_missing_folder_is_a_missing_texture(tmp_path: Path) -> None:
    assert load_texture(tmp_path / "nowhere", "a.png").pixels is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_named_pipe_is_not_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    assert load_texture(folder, "pipe.png").pixels is None


# Shared toons


def test_shared_toons_are_as_measured() -> None:
    for index in range(10):
        toon = shared_toon(index)
        assert toon.shape == (32, 32, 4)
        assert (toon[..., 3] == 255).all()
        assert (toon == toon[:, :1]).all()  # every row has one color
    bottoms = [shared_toon(index)[-1, 0, :3].tolist() for index in range(10)]
    assert bottoms[:4] == [[205, 205, 205], [245, 225, 225], [154, 154, 154], [248, 239, 235]]
    assert bottoms[4:6] == [[254, 231, 222], [195, 172, 3]]
    assert bottoms[6:] == [[255, 255, 255]] * 4
    assert (shared_toon(0)[:16] == 255).all()
    assert shared_toon(5)[0, 0, :3].tolist() == [255, 237, 97]
    with pytest.raises(ValueError, match="no shared toon 10"):
        shared_toon(10)


def test_shared_toon_is_found_by_name_where_the_model_has_none_of_its_own(tmp_path: Path) -> None:
    texture = load_texture(tmp_path, "toon\\TOON01.bmp")
    assert texture.path is None
    assert texture.warnings == ()
    assert texture.pixels is not None
    np.testing.assert_array_equal(texture.pixels, shared_toon(0))
    assert load_texture(tmp_path, "toon11.bmp").pixels is None
