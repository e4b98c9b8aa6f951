"""The audit: every gradient of the library, or of a module of one's own, held against everything there is."""

from mlp_numpy.checking.own import audit_own
from mlp_numpy.checking.report import AuditReport, Line, audit, audit_lines
from mlp_numpy.checking.selftest import SelfTest, self_test
from mlp_numpy.checking.specs.table import ROWS, composed, twin
from mlp_numpy.checking.torch_reference import pytorch

__all__ = [
    "ROWS",
    "AuditReport",
    "Line",
    "SelfTest",
    "audit",
    "audit_lines",
    "audit_own",
    "composed",
    "pytorch",
    "self_test",
    "twin",
]
