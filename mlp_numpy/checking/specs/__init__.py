"""The specs of all modules: a sampler, the composition from elementary formulas, and PyTorch's version."""
