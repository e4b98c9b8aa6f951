"""The audit: compares every gradient of the library, or of a user's module, with independent references."""

from mlp_numpy.checking.own import audit_own
from mlp_numpy.checking.report import AuditReport, Line, audit, audit_lines
from mlp_numpy.checking.selftest import SelfTest, self_test
from mlp_numpy.checking.specs.table import SPECS, in_torch, reference_forward
from mlp_numpy.checking.torch_extra import pytorch

__all__ = [
    "SPECS",
    "AuditReport",
    "Line",
    "SelfTest",
    "audit",
    "audit_lines",
    "audit_own",
    "in_torch",
    "pytorch",
    "reference_forward",
    "self_test",
]
