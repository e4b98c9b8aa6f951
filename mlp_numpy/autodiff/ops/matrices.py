"""Matrix products."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array, quiet_products
from mlp_numpy.autodiff.formula import Context
from mlp_numpy.autodiff.op import Op
from mlp_numpy.autodiff.ops.broadcasting import unbroadcast
from mlp_numpy.errors import ShapeError


class MatrixMultiply(Op):
    """
    Forward     out = a b
    Backward    da = dout bᵀ      db = aᵀ dout
    Shapes      a (…, N, K)   b (…, K, M)   out, dout (…, N, M), where leading dimensions broadcast
    Caches      a, b  (views, no copy)
    Kinks       none
    Reference   "Submission Assignment 2" (Gil Álamo), question 3, with the transposes that its dimensions require
    """

    @staticmethod
    def check_inputs(a: Array, b: Array) -> None:
        if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
            raise ShapeError(
                f"MatrixMultiply.do_forward: shapes must be (…, N, K) and (…, K, M), got {a.shape} and {b.shape}. "
                "Hint: a vector is a matrix of one row or one column."
            )

    @staticmethod
    @quiet_products
    def forward(context: Context, a: Array, b: Array) -> Array:
        context["a"], context["b"] = a, b
        out: Array = a @ b
        return out

    @staticmethod
    @quiet_products
    def backward(context: Context, dout: Array) -> tuple[Array | None, Array | None]:
        a, b = context["a"], context["b"]
        # A broadcast product is larger than the gradient, and cannot be written into it.
        whole = a.ndim == b.ndim == 2
        da = db = None
        if context.wants(0):
            da = np.matmul(dout, b.swapaxes(-1, -2), out=context.target(0) if whole else None)
            da = unbroadcast(da, a.shape)
        if context.wants(1):
            db = np.matmul(a.swapaxes(-1, -2), dout, out=context.target(1) if whole else None)
            db = unbroadcast(db, b.shape)
        return da, db


class BatchMM(Op):
    """
    Forward     out = V Mᵀ: every row of V, a vector v, becomes M v
    Backward    dM = doutᵀ V      dV = dout M
    Shapes      M, "matrix" (K, D)   V, "vectors" (N, D)   out, dout (N, K)
    Caches      M, V  (views, no copy)
    Kinks       none
    Reference   "Assignment 2" (Vannucci), question 3, transposed so that samples are rows
    """

    @staticmethod
    def check_inputs(matrix: Array, vectors: Array) -> None:
        if matrix.ndim != 2 or vectors.ndim != 2 or matrix.shape[1] != vectors.shape[1]:
            raise ShapeError(
                f"BatchMM.do_forward: shapes must be (K, D) and (N, D), got {matrix.shape} and {vectors.shape}."
            )

    @staticmethod
    @quiet_products
    def forward(context: Context, matrix: Array, vectors: Array) -> Array:
        context["matrix"], context["vectors"] = matrix, vectors
        out: Array = vectors @ matrix.T
        return out

    @staticmethod
    @quiet_products
    def backward(context: Context, dout: Array) -> tuple[Array | None, Array | None]:
        matrix, vectors = context["matrix"], context["vectors"]
        dmatrix = np.matmul(dout.T, vectors, out=context.target(0)) if context.wants(0) else None
        dvectors = np.matmul(dout, matrix, out=context.target(1)) if context.wants(1) else None
        return dmatrix, dvectors
