"""What the documentation site is made of: generated reference and tables, and the extension of Sphinx, ``pages``."""
