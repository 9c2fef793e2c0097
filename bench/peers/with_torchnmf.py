"""torchnmf's multiplicative updates. Its W is our H transposed and is updated first; it looks at its loss every 10
iterations, which no option prevents."""

import warnings

warnings.filterwarnings("ignore", category=FutureWarning)  # of torch.jit.script, which it uses

import torch  # noqa: E402
import torchnmf.nmf as nmf  # noqa: E402

from bench.peers.losses import BETA, ITAKURA_SAITO  # noqa: E402
from bench.peers.with_torch import as_tensors  # noqa: E402


def peers(loss, sparse):
    return {"torchnmf mu": fit} if loss != ITAKURA_SAITO or not sparse else {}


def fit(problem, course):
    x, w, h = as_tensors(problem)
    if problem.sparse:
        x = x.to_sparse_coo()
    model = nmf.NMF(W=h, H=w)
    name = "_sp_double_backward_update" if problem.sparse else "_double_backward_update"
    update, halves = getattr(nmf, name), [0]

    def seen(*arguments):
        update(*arguments)
        halves[0] += 1
        if halves[0] % 2 == 0:
            course.after_iteration(lambda: (model.H.detach().cpu().numpy(), model.W.detach().cpu().numpy().T))

    setattr(nmf, name, seen)
    if problem.device != "cpu":
        course.wait = torch.cuda.synchronize
    course.begin()
    model.fit(x, beta=BETA[problem.loss], tol=-float("inf"), max_iter=10**9)
