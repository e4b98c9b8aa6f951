"""The tables in the pages of the repository that are made of docstrings and of the benchmarks' files.

    cd docs && python -m site_extension.tables      writes them anew

A table stands between ``<!-- table of NAME -->`` and ``<!-- end of the table -->``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from site_extension import benchmarks, reference

DOCS: Final = Path(__file__).parents[1]
_TABLE: Final = re.compile(r"(?<=<!-- table of )(\S+)( -->\n).*?(?=\n<!-- end of the table -->)", re.DOTALL)


def with_tables(text: str) -> str:
    """The text of a page with its tables as they are to be."""
    made = reference.TABLES | benchmarks.TABLES
    return _TABLE.sub(lambda found: found[1] + found[2] + made[found[1]](), text)


def main() -> None:
    """Write the tables of every page anew."""
    for path in DOCS.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        path.write_text(with_tables(text), encoding="utf-8")


if __name__ == "__main__":
    main()
