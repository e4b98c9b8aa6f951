"""Formulas once more, as loops over indices: slow, and readable against the equations one sum at a time."""
