"""Factorisations in and out: files of every format, text, code, pictures."""
