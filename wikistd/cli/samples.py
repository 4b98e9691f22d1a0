"""What the demo writes: 25 short pages in many scripts, and a picture.

Pure.  Not here: the demo (demo.py).
"""

from __future__ import annotations

import binascii
import struct
from typing import List, Tuple

#: (title, script, text): names of languages in themselves, and a greeting.
DEMO_PAGES: Tuple[Tuple[str, str, str], ...] = (
    (
        "English",
        "Latin",
        "Hello, world! Bread & <b>butter</b>, 'single' and \"double\".",
    ),
    ("Français", "Latin", "Bonjour tout le monde ! Où est l'œuf ? Ça coûte 3 €."),
    ("Tiếng Việt", "Latin", "Xin chào thế giới! Nước là sự sống."),
    ("Íslenska", "Latin", "Halló heimur! Það er ævintýri, þú veist."),
    ("Türkçe", "Latin", "Merhaba dünya! İstanbul'da ılık bir gün, ığdır ve şeker."),
    ("Ελληνικά", "Greek", "Γειά σου Κόσμε! Ὁ ἥλιος λάμπει."),
    ("Русский", "Cyrillic", "Здравствуй, мир! Съешь ещё этих мягких булок."),
    ("Українська", "Cyrillic", "Привіт, світе! Її ґанок і п'ять їжаків."),
    ("Հայերեն", "Armenian", "Բարեւ աշխարհ"),
    ("ქართული", "Georgian", "გამარჯობა მსოფლიო!"),
    ("עברית", "Hebrew", "שלום עולם! 123 מימין לשמאל."),
    ("العربية", "Arabic", "مرحبا بالعالم! ١٢٣ من اليمين إلى اليسار."),
    ("አማርኛ", "Ethiopic", "ሰላም ልዑል!"),
    ("हिन्दी", "Devanagari", "नमस्ते दुनिया! जल ही जीवन है।"),
    ("বাংলা", "Bengali", "ওহে বিশ্ব!"),
    ("தமிழ்", "Tamil", "வணக்கம் உலகம்!"),
    ("తెలుగు", "Telugu", "నమస్కారం ప్రపంచం!"),
    ("ไทย", "Thai", "สวัสดีชาวโลก"),
    ("ភាសាខ្មែរ", "Khmer", "សួស្តី​ពិភពលោក"),
    ("བོད་ཡིག", "Tibetan", "བཀྲ་ཤིས་བདེ་ལེགས།"),
    ("中文", "Han", "你好，世界！水是生命之源。𠮷野家"),
    ("日本語", "Kana", "こんにちは、世界！カタカナとひらがな。"),
    ("한국어", "Hangul", "안녕하세요, 세계!"),
    ("ᏣᎳᎩ", "Cherokee", "ᎣᏏᏲ ᎡᎶᎯ!"),
    ("Emoji 🌍", "Symbols", "👋🌍 👩‍👩‍👧‍👦 🏳️‍🌈 ∑∞√ ♞ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢"),
)


def demo_text(title: str, script: str, greeting: str) -> str:
    """Return the text of one page of the demo."""
    return "\'\'\'%s\'\'\' (%s)\n\n%s\n\n== See also ==\n* [[English]]\n" % (
        title,
        script,
        greeting,
    )


def draw_picture(width: int = 160, height: int = 100) -> bytes:
    """Return a PNG of coloured squares, the same every time.  Spec: RFC 2083."""
    import zlib  # some Pythons lack it

    rows: List[bytes] = []
    for y in range(height):
        row = bytearray([0])
        for x in range(width):
            row += bytes((x * 255 // width, y * 255 // height, 64 + (x ^ y) % 128))
        rows.append(bytes(row))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _png_chunk(kind, data)
        for kind, data in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(b"".join(rows), 6)),
            (b"IEND", b""),
        )
    )


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    checksum = binascii.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
