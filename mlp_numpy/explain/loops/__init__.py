"""Loop references: the formulas as loops over indices, slow, but with one loop per sum of the equations."""
