"""Notebooks as bytes, for tests."""

import json


def notebook(*cells: str | dict) -> bytes:
    """A notebook of these cells; a text is a code cell."""
    whole = [
        {"metadata": {}, **cell}
        if isinstance(cell, dict)
        else {"cell_type": "code", "metadata": {}, "source": cell, "outputs": [], "execution_count": None}
        for cell in cells
    ]
    return json.dumps({"cells": whole, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
