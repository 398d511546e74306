"""Texts that hardly any model was trained on, with which every file is proved."""

STRANGE_TEXTS = (
    "",
    " ",
    "\N{SNOWMAN}",
    "h\u00e9llo w\u00f6rld",
    "\u65e5\u672c\u8a9e \U0001f642",
    "a\u0301\t\u00a0b",
    "0 " * 12,
)
"""Empty, unknown and non-ASCII texts."""
