"""Decoding pictures of every kind: values are kept, or the picture is refused with the reason."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pipeline.data.pictures.decode import Decoding, decode
from pipeline.data.pictures.opening import Unreadable, reads_heif

RNG = np.random.default_rng(0)
GREY = Decoding(4, 4, 1)
COLOUR = Decoding(4, 4, 3)


def encoded(picture, file_format="PNG", **options):
    stream = io.BytesIO()
    picture.save(stream, file_format, **options)
    return stream.getvalue()


def png16(values):
    """A PNG file with 16 bits per value, of shape (height, width, channels); Pillow cannot write all of them."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)

    def chunk(name, content):
        checked = name + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def reason(picture, decoding=GREY, **options):
    with pytest.raises(Unreadable) as caught:
        decode(picture, decoding, **options)
    return str(caught.value)


def test_12_bit_values_in_16_bit_files_keep_256_greys_with_their_range():
    deep = png16(np.arange(4096).reshape(64, 64, 1))
    pixels, facts = decode(deep, Decoding(64, 64, 1, value_range=(0, 4095)))
    assert len(np.unique(pixels)) == 256
    np.testing.assert_allclose(pixels.ravel(), np.arange(4096) * 255 / 4095, atol=0.5)
    assert (facts.lowest, facts.highest, facts.mode) == (0, 4095, "I;16")


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bit_grey_uses_its_whole_range(file_format):
    values = np.array([[0, 32896, 65535]], np.uint16)
    pixels, facts = decode(encoded(Image.fromarray(values), file_format), Decoding(1, 3, 1))
    assert pixels.ravel().tolist() == [0, 128, 255] and facts.highest == 65535


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_several_channels_of_16_bits_are_known_by_their_facts(channels):
    # Pillow keeps the upper 8 bits of each, so values up to 4095 would become sixteen levels.
    values = np.full((4, 4, channels), 4095)
    _, facts = decode(png16(values), COLOUR)
    assert facts.mode.endswith(";16") and facts.highest == 15 * 257
    bright = decode(png16(np.full((4, 4, channels), 65535)), COLOUR)[1]
    assert bright.highest == 65535
    assert "several channels of 16 bits" in reason(png16(values), Decoding(4, 4, 3, value_range=(0, 4095)))


def test_floating_point_needs_a_stated_range():
    values = np.array([[0, 0.25, 1]], np.float32)
    tiff = encoded(Image.fromarray(values), "TIFF")
    assert reason(tiff) == "floating-point values (0 to 1): set their range with option 'value_range'"
    pixels, facts = decode(tiff, Decoding(1, 3, 1, value_range=(0, 1)))
    assert pixels.ravel().tolist() == [0, 64, 255] and (facts.lowest, facts.highest) == (0, 1)
    assert decode(tiff, Decoding(1, 3, 1, value_range=(0.25, 0.5)))[0].ravel().tolist() == [0, 0, 255]
    values[0, 1] = np.nan
    assert "not finite" in reason(encoded(Image.fromarray(values), "TIFF"), Decoding(1, 3, 1, value_range=(0, 1)))


def test_32_bit_integers_outside_16_bits_need_a_stated_range():
    tiff = encoded(Image.fromarray(np.array([[-5, 70000]], np.int32)), "TIFF")
    assert "(-5 to 70000) outside 0 to 65535" in reason(tiff)
    pixels = decode(tiff, Decoding(1, 2, 1, value_range=(-5, 70000)))[0]
    assert pixels.ravel().tolist() == [0, 255]


def test_cmyk_jpeg_has_the_colours_of_the_picture():
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    pixels, facts = decode(encoded(red.convert("CMYK"), "JPEG", quality=95), COLOUR)
    assert np.abs(pixels[0, 0].astype(int) - [255, 0, 0]).max() < 8 and facts.mode == "CMYK"


def test_palettes_and_single_bits_become_their_colours():
    palette = Image.new("RGB", (4, 4), (10, 200, 30)).quantize(4)
    assert decode(encoded(palette), COLOUR)[0][0, 0].tolist() == [10, 200, 30]
    assert decode(encoded(palette, "GIF"), COLOUR)[0][0, 0].tolist() == [10, 200, 30]
    assert decode(encoded(Image.new("1", (4, 4), 1)), GREY)[0].max() == 255


@pytest.mark.parametrize("background", ["white", "#102030"])
def test_transparent_pixels_get_the_background(background):
    palette = Image.new("P", (8, 8))
    palette.putpalette([200, 0, 0, 0, 0, 0])
    palette.paste(1, (0, 0, 4, 8))
    pixels, facts = decode(encoded(palette, transparency=1), Decoding(8, 8, 3, background=background))
    behind = [255, 255, 255] if background == "white" else [16, 32, 48]
    assert pixels[0, 0].tolist() == behind and pixels[0, 7].tolist() == [200, 0, 0] and facts.transparent


def logo(colour):
    picture = Image.new("RGBA", (8, 8), (*colour, 0))
    picture.paste((*colour, 255), (2, 2, 6, 6))
    return encoded(picture)


def test_a_white_logo_is_refused_on_white_and_visible_on_black():
    assert reason(logo((255, 255, 255)), COLOUR) == (
        "blank on a white background: choose another colour with option 'background'"
    )
    assert "blank on a black background" in reason(logo((3, 3, 3)), Decoding(4, 4, 3, background="black"))
    assert decode(logo((255, 255, 255)), Decoding(8, 8, 3, background="black"))[0].max() == 255
    assert decode(logo((0, 0, 0)), COLOUR)[0].min() == 0


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_gives_the_upright_picture_and_its_size(file_format, orientation):
    values = np.kron(np.array([[0, 80, 160], [240, 40, 120]], np.uint8), np.ones((32, 32), np.uint8))
    turned = {
        1: values, 2: values[:, ::-1], 3: values[::-1, ::-1], 4: values[::-1], 5: values.T, 6: np.rot90(values),
        7: values[::-1, ::-1].T, 8: np.rot90(values, 3),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"TIFF": {}, "PNG": {}, "WEBP": {"lossless": True}}.get(file_format, {"quality": 95})
    picture = encoded(Image.fromarray(np.ascontiguousarray(turned)).convert("RGB"), file_format, exif=exif, **lossless)
    pixels, facts = decode(picture, Decoding(2, 3, 1))
    assert (facts.width, facts.height) == (96, 64)
    assert np.abs(pixels[..., 0].astype(int) - values[16::32, 16::32]).max() < 8


def test_a_turned_jpeg_is_not_decoded_smaller_than_wanted():
    exif = Image.Exif()
    exif[0x0112] = 6
    noise = Image.fromarray(RNG.integers(256, size=(3200, 320), dtype=np.uint8))
    picture = encoded(noise, "JPEG", exif=exif, quality=95)
    fast, exact = (decode(picture, Decoding(80, 16, 1, draft=draft))[0].astype(int) for draft in (True, False))
    assert np.abs(fast - exact).max() <= 4


def test_huge_pictures_are_refused_before_they_are_decoded():
    bomb = png16(np.zeros((1, 1, 1)))
    bomb = bomb.replace(struct.pack(">II", 1, 1), struct.pack(">II", 12000, 12000), 1)
    bomb = bomb[:29] + struct.pack(">I", zlib.crc32(bomb[12:29])) + bomb[33:]
    said = reason(bomb)
    assert said == (
        "12,000 × 12,000 pixels exceed the limit of 100,000,000: raise option 'largest', or save the picture smaller"
    )
    assert "option 'largest'" in reason(encoded(Image.new("L", (20, 20))), Decoding(4, 4, 1, largest=399))
    assert decode(encoded(Image.new("L", (20, 20))), Decoding(4, 4, 1, largest=400))


def test_a_huge_page_is_refused():
    pages = [Image.new("L", (4, 4)), Image.new("L", (40, 40))]
    tiff = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    small = Decoding(4, 4, 1, largest=100)
    assert decode(tiff, small)[1].frames == 2
    assert "40 × 40 pixels" in reason(tiff, small, page=1)


def test_animations_give_their_first_frame():
    frames = [Image.new("L", (4, 4), value) for value in (40, 200)]
    for file_format, options in (("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        animated = encoded(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
        pixels, facts = decode(animated, GREY)
        assert abs(int(pixels[0, 0, 0]) - 40) <= 1 and facts.frames == 2


def test_files_are_known_by_their_content_and_no_other_program_is_started(tmp_path):
    (tmp_path / "jpeg.png").write_bytes(encoded(Image.new("RGB", (8, 8), "red"), "JPEG"))
    assert decode(tmp_path / "jpeg.png", COLOUR)[1].format == "JPEG"
    postscript = encoded(Image.new("RGB", (8, 8)), "EPS")
    assert reason(postscript, COLOUR) == "damaged, or not in a supported picture format"


def test_heic_pictures_need_a_package_and_are_not_dropped(monkeypatch):
    if reads_heif():
        pytest.skip("pillow-heif is installed")
    heic = struct.pack(">I", 24) + b"ftypheic" + bytes(12)
    assert reason(heic) == "HEIC pictures need the package pillow-heif: run `pip install pillow-heif`"


def test_the_name_of_the_file_is_not_part_of_a_reason(tmp_path):
    assert reason(tmp_path / "absent.png") == "No such file or directory"
    (tmp_path / "a.png").mkdir()
    assert reason(tmp_path / "a.png") == "Is a directory"


@pytest.mark.parametrize(
    ("resize", "row"),
    [("stretch", [0, 0, 255, 255]), ("crop", [0, 0, 255, 255]), ("pad", [9, 0, 255, 9])],
)
def test_each_way_to_resize_a_narrow_or_wide_picture(resize, row):
    # Eight rows and four columns, dark on the left, bright on the right.
    tall = Image.fromarray(np.repeat([[0, 0, 255, 255]], 8, axis=0).astype(np.uint8))
    decoding = Decoding(4, 4, 1, resize=resize, background="#090909")
    assert decode(encoded(tall), decoding)[0][2, :, 0].tolist() == row
    wide = tall.transpose(Image.Transpose.TRANSPOSE)
    assert decode(encoded(wide), decoding)[0][:, 2, 0].tolist() == row


def test_a_line_of_pixels_can_be_resized_in_every_way():
    for size in ((1, 5000), (5000, 1), (1, 1)):
        for resize in ("stretch", "crop", "pad"):
            assert decode(encoded(Image.new("L", size)), Decoding(4, 4, 1, resize=resize))[0].shape == (4, 4, 1)


def test_a_picture_that_does_not_fit_into_memory_is_unreadable(monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr("pipeline.data.pictures.decode._decoded", full)
    assert reason(encoded(Image.new("L", (4, 4)))) == "does not fit into memory"


def test_warnings_of_pillow_are_neither_errors_nor_printed(recwarn):
    broken_exif = encoded(Image.new("RGB", (8, 8), "red"), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12")
    assert decode(broken_exif, COLOUR)[0][0, 0, 0] > 250
    assert not recwarn.list


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_named_pipe_is_unreadable_instead_of_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(Unreadable, match="a named pipe, not a file"):
        decode(tmp_path / "pipe.png", Decoding(4, 4, 1))
