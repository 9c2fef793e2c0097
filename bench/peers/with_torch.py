"""What one writes by hand in PyTorch: multiplicative updates and HALS (Cichocki & Phan 2009)."""

import warnings

import torch

from bench.peers.losses import BETA, FROBENIUS

TINY = 1e-12
warnings.filterwarnings("ignore", message="Sparse")  # that its CSR tensors are in beta


def peers(loss, sparse):
    if loss == FROBENIUS:
        return {
            "PyTorch mu": lambda problem, course: fit(problem, course, euclidean),
            "PyTorch HALS": lambda problem, course: fit(problem, course, hals),
        }
    return {} if sparse else {"PyTorch mu": lambda problem, course: fit(problem, course, divergence)}


def as_tensors(problem):
    """X, W (m x k) and the transpose of H (n x k), on the problem's device."""
    x = problem.x
    if problem.sparse:
        x = torch.sparse_csr_tensor(
            torch.from_numpy(x.indptr), torch.from_numpy(x.indices), torch.from_numpy(x.data), size=x.shape
        )
    else:
        x = torch.from_numpy(x)
    tensors = x, torch.from_numpy(problem.w.copy()), torch.from_numpy(problem.h.T.copy())
    return tuple(t.to(problem.device) for t in tensors)


@torch.inference_mode()
def fit(problem, course, half):
    x, w, h = as_tensors(problem)
    if problem.device != "cpu":
        course.wait = torch.cuda.synchronize
        half(x, w.clone(), h, BETA[problem.loss])  # loads what it needs
    course.begin()
    transposed = x.t().to_sparse_csr() if problem.sparse else x.t()
    while True:
        half(x, w, h, BETA[problem.loss])
        half(transposed, h, w, BETA[problem.loss])
        course.after_iteration(lambda: (w.cpu().numpy(), h.cpu().numpy().T))


def euclidean(x, w, h, _):
    w *= (x @ h) / (w @ (h.T @ h)).clamp_(min=TINY)


def divergence(x, w, h, beta):
    v = (w @ h.T).clamp_(min=TINY)
    if beta == 1:
        w *= ((x / v) @ h) / h.sum(dim=0).clamp_(min=TINY)
        return
    ratio = ((x * v ** (beta - 2)) @ h) / (v ** (beta - 1) @ h).clamp_(min=TINY)
    w *= ratio ** (1 / (2 - beta)) if beta < 1 else ratio


def hals(x, w, h, _):
    gram, product = h.T @ h, x @ h
    for c in range(w.shape[1]):
        w[:, c] = (w[:, c] + (product[:, c] - w @ gram[:, c]) / gram[c, c].clamp(min=TINY)).clamp_(min=0)
