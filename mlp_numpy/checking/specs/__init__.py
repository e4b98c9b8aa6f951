"""The table of modules: what makes one, its composition from elementary formulas, and PyTorch's version."""
