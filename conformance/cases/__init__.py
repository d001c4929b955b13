"""What is asked: float lattices, edge values, shapes, invalid input, and the plan that crosses them with the entry points."""
