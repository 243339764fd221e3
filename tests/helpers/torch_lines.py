# ruff: noqa: E501
"""One-liners as PyTorch, snnTorch, SpikingJelly and Norse scripts write them, to be run with the modules swapped.

Each line is Python; the value of its last expression is compared.  `scope(torch, F, nn, optim)` makes the
names that they use; `torch` is PyTorch where tools/golden/lines.py stores results, and grilly_vk in the tests.
"""

from __future__ import annotations

import ast

import numpy as np

LINES = {
    "making": """
        torch.tensor([1.0, 2.0])
        torch.tensor([1, 2, 3])
        torch.tensor([True, False])
        torch.tensor(3.5)
        torch.tensor([1, 2], dtype=torch.float32)
        torch.tensor([1, 2], dtype=torch.float)
        torch.tensor([0, 1], dtype=torch.long)
        torch.tensor([0, 1], dtype=torch.int64)
        torch.tensor([0, 1], dtype=torch.int32)
        torch.tensor([0, 1], dtype=torch.int)
        torch.tensor([0, 1], dtype=torch.bool)
        torch.tensor(array)
        torch.Tensor([1.0, 2.0])
        torch.Tensor(array)
        torch.FloatTensor([1.0, 2.0])
        torch.LongTensor([1, 2])
        torch.as_tensor([1.0, 2.0])
        torch.as_tensor(array)
        torch.as_tensor(x)
        torch.as_tensor([1, 2], dtype=torch.float32)
        torch.from_numpy(array)
        torch.zeros(2, 3)
        torch.zeros((2, 3))
        torch.zeros([2, 3])
        torch.zeros(3, dtype=torch.long)
        torch.zeros(x.shape)
        torch.zeros(x.size())
        torch.zeros(x.size(0), 2)
        torch.zeros(2, 3, requires_grad=True)
        torch.zeros(2, 3, device=x.device)
        torch.ones(2, 3)
        torch.ones(2, dtype=torch.bool)
        torch.ones(2, 3, device=x.device)
        torch.full((2, 3), 7.0)
        torch.full((2,), 1.5, device=x.device)
        torch.zeros_like(x)
        torch.ones_like(x)
        torch.full_like(x, 2.0)
        torch.zeros_like(x, dtype=torch.bool)
        torch.zeros_like(x, device=x.device)
        torch.empty(2, 3).shape
        torch.empty((2, 3)).shape
        torch.empty_like(x).shape
        torch.empty(2).fill_(3.0)
        torch.arange(5)
        torch.arange(1, 5)
        torch.arange(0, 10, 2)
        torch.arange(0.0, 1.0, 0.25)
        torch.arange(5, dtype=torch.float32)
        torch.arange(5, device=x.device)
        torch.linspace(0, 1, 5)
        torch.linspace(-1.0, 1.0, steps=3)
        torch.logspace(0, 2, 3)
        torch.eye(3)
        torch.eye(2, 3)
        torch.rand(2, 3).shape
        torch.rand((2, 3)).shape
        torch.rand(2, 3, device=x.device).shape
        torch.randn(2, 3).shape
        torch.randn(2, 3, device=x.device).shape
        torch.rand_like(x).shape
        torch.randn_like(x).shape
        torch.randint(0, 10, (3, 4)).shape
        torch.randint(10, (3,)).max() < 10
        torch.randint(2, 5, (100,)).min() >= 2
        torch.randperm(5).sort()[0]
        torch.bernoulli(torch.ones(3))
        torch.normal(0.0, 1.0, (2, 3)).shape
        torch.normal(torch.zeros(3), torch.zeros(3))
        torch.poisson(torch.zeros(3))
        torch.is_tensor(x)
        torch.manual_seed(0) and None
        isinstance(x, torch.Tensor)
    """,
    "types and places": """
        x.to("cpu")
        x.cpu()
        x.cpu().numpy()
        x.detach().cpu().numpy()
        x.to(x.device)
        x.to(device=x.device)
        x.to(torch.float32)
        x.to(dtype=torch.float32)
        x.to(torch.int32)
        x.to(torch.bool)
        i.to(torch.float32)
        i.to(torch.float)
        x.to(i.dtype)
        x.to(y)
        x.to(x.device, torch.float32)
        x.to(x.device, non_blocking=True)
        i.float()
        x.float()
        x.long()
        x.int()
        x.bool()
        mask.float()
        mask.long()
        (x > 0).float()
        (x > 0).int()
        (x > 0).long().sum()
        x.type(torch.int32)
        x.type_as(i)
        i.type_as(x)
        x.dtype == torch.float32
        i.dtype in (torch.int64, torch.int32)
        mask.dtype == torch.bool
        x.is_floating_point()
        i.is_floating_point()
        x.is_contiguous()
        x.contiguous()
        x.data
        x.data.numpy()
        x.requires_grad
        w.requires_grad
        w.is_leaf
        w.detach().requires_grad
        w.data.requires_grad
        x.numel()
        x.size()
        x.size(0)
        x.size(-1)
        x.dim()
        x.ndim
        x.ndimension()
        x.shape[0]
        x.nelement()
        x.element_size()
        len(x)
        x.tolist()
        x[0, 0].item()
        float(x[0, 0])
        int(i[0, 0])
        bool(mask[0, 0])
        f"{x.mean():.4f}"
        f"{x.mean().item():.3f}"
        f"{i.sum():d}"
        "%.3f" % x.mean()
        "{:.2f}".format(x.sum())
        round(x.sum().item(), 3)
        x.device == y.device
        str(x.shape) != ""
        torch.numel(x)
        torch.finfo(torch.float32).eps
        torch.finfo(x.dtype).max
        torch.iinfo(torch.int32).max
        len(list(x))
        [row.sum().item() for row in x]
        np.asarray(x)
        np.array(x)
        np.mean(x.numpy())
        x.clone()
        x.clone().detach()
        x.detach().clone()
        torch.clone(x)
        torch.Size([3, 4]) == x.shape
    """,
    "elementwise": """
        torch.exp(x)
        torch.log(p)
        torch.sqrt(p)
        torch.abs(x)
        torch.tanh(x)
        torch.sigmoid(x)
        torch.relu(x)
        torch.sin(x)
        torch.cos(x)
        torch.sign(x)
        torch.neg(x)
        torch.floor(x)
        torch.ceil(x)
        torch.round(x)
        torch.trunc(x)
        torch.square(x)
        torch.rsqrt(p)
        torch.reciprocal(p)
        torch.log1p(p)
        torch.expm1(x)
        torch.log2(p)
        torch.log10(p)
        torch.erf(x)
        torch.heaviside(x, torch.tensor(0.5))
        torch.logical_not(mask)
        torch.logical_and(mask, x > 0)
        torch.logical_or(mask, x > 0)
        torch.logical_xor(mask, x > 0)
        torch.pow(p, 1.5)
        torch.pow(x, 2)
        torch.pow(2.0, x)
        torch.clamp(x, 0, 1)
        torch.clamp(x, min=0)
        torch.clamp(x, max=0.5)
        torch.clamp(x, min=-1, max=1)
        torch.clip(x, -1, 1)
        torch.maximum(x, y)
        torch.minimum(x, y)
        torch.max(x, y)
        torch.min(x, y)
        torch.add(x, y)
        torch.sub(x, y)
        torch.mul(x, y)
        torch.div(x, p)
        torch.add(x, y, alpha=2)
        torch.fmod(x, 0.7)
        torch.remainder(x, 0.7)
        torch.lerp(x, y, 0.3)
        torch.where(x > 0, x, y)
        torch.where(x > 0, 1.0, 0.0)
        torch.where(x > 0, x, torch.zeros_like(x))
        torch.eq(x, x)
        torch.ge(x, 0)
        torch.gt(x, 0)
        torch.le(x, 0)
        torch.lt(x, 0)
        torch.ne(x, y)
        torch.isnan(x)
        torch.isinf(x)
        torch.isfinite(x)
        torch.nan_to_num(torch.tensor([1.0, float("nan")]))
        torch.allclose(x, x + 1e-9)
        torch.equal(x, x)
        torch.equal(x, y)
        torch.isclose(x, x)
        x.exp()
        p.log()
        p.sqrt()
        x.abs()
        x.square()
        x.floor()
        x.ceil()
        x.round()
        x.trunc()
        x.neg()
        x.sign()
        p.reciprocal()
        p.rsqrt()
        x.pow(2)
        p.pow(0.5)
        x.clamp(0, 1)
        x.clamp(min=0)
        x.clamp(max=0.5)
        x.clamp(min=-1, max=1)
        x.clip(-1, 1)
        x.relu()
        x.sigmoid()
        x.tanh()
        x.add(y)
        x.add(1)
        x.sub(y)
        x.mul(y)
        x.mul(2)
        x.div(p)
        x.maximum(y)
        x.minimum(y)
        x.ge(0)
        x.gt(0)
        x.gt(0).float()
        x.le(0)
        x.lt(0)
        x.eq(y)
        x.ne(y)
        x.isnan().any()
        x.isfinite().all()
        x.logical_not()
        mask.logical_and(x > 0)
        x.masked_fill(mask, 0.0)
        x.masked_fill(x < 0, float("-inf"))
        x.where(x > 0, y)
        x.lerp(y, 0.25)
        x.allclose(x)
        ~mask
        mask & (x > 0)
        mask | (x > 0)
        mask ^ (x > 0)
        -x
        +x
        x ** 2
        x // 1
        x % 1
        2 ** x
        1 / p
        1 - x
        x @ m
        x.softmax(dim=1)
        x.softmax(-1)
        x.log_softmax(dim=1)
        torch.softmax(x, dim=1)
        torch.log_softmax(x, dim=-1)
        torch.logsumexp(x, dim=1)
        x.logsumexp(dim=1)
    """,
    "reducing": """
        x.sum()
        x.sum(0)
        x.sum(1)
        x.sum(dim=0)
        x.sum(dim=1, keepdim=True)
        x.sum(1, keepdim=True)
        x.sum(dim=(0, 1))
        x.sum([0, 1])
        x.sum(-1)
        b.sum(dim=[1, 2])
        x.mean()
        x.mean(0)
        x.mean(dim=1)
        x.mean(dim=-1, keepdim=True)
        b.mean((1, 2))
        x.std()
        x.std(dim=0)
        x.std(dim=1, unbiased=False)
        x.var()
        x.var(dim=1)
        x.var(dim=1, unbiased=False)
        x.var(dim=1, correction=0)
        x.prod()
        x.prod(dim=1)
        x.norm()
        x.norm(dim=1)
        x.norm(p=1)
        x.norm(2, dim=1, keepdim=True)
        x.max()
        x.min()
        x.max(1)[0]
        x.max(1)[1]
        x.max(dim=1)
        x.max(dim=1)[0]
        x.max(dim=1).values
        x.max(dim=1).indices
        x.max(dim=1, keepdim=True)
        x.min(dim=0)
        x.min(dim=0)[1]
        _, pred = x.max(1); pred
        _, pred = x.max(dim=1); pred
        _, pred = x[:2].max(1); pred
        _, idx = s.sum(dim=0).max(1); idx
        torch.max(x)
        torch.max(x, 1)[1]
        torch.max(x, dim=1)
        torch.min(x, dim=1)
        torch.amax(x, dim=1)
        x.amax(dim=1)
        x.amin(dim=1)
        x.amax((0, 1))
        x.argmax()
        x.argmax(1)
        x.argmax(dim=1)
        x.argmax(dim=-1)
        x.argmax(dim=1, keepdim=True)
        x.argmin(dim=0)
        torch.argmax(x, dim=1)
        torch.argmin(x, 0)
        mask.any()
        mask.all()
        mask.any(dim=1)
        mask.all(dim=0)
        torch.any(mask)
        torch.all(mask)
        torch.sum(x)
        torch.sum(x, dim=1)
        torch.sum(x, 0)
        torch.mean(x)
        torch.mean(x, dim=0)
        torch.mean(x, 1, keepdim=True)
        torch.std(x)
        torch.std(x, dim=0)
        torch.var(x)
        torch.prod(x)
        torch.norm(x)
        torch.cumsum(x, dim=0)
        torch.cumsum(x, 0)
        x.cumsum(dim=0)
        x.cumsum(0)
        x.cumprod(dim=1)
        torch.count_nonzero(mask)
        x.count_nonzero()
        x.median()
        torch.unique(i)
        torch.bincount(k, minlength=4)
        x.argmax(1).eq(k).sum().item()
        (x.argmax(1) == k).float().mean().item()
        (x.argmax(dim=1) == k).sum().item() / len(k)
        torch.sort(x, dim=1)
        torch.sort(x, dim=1, descending=True)
        x.sort(dim=1)
        x.sort(descending=True)[0]
        x.argsort(dim=1)
        x.argsort(dim=1, descending=True)
        torch.argsort(x, dim=0)
        torch.topk(x, 2, dim=1)
        x.topk(2)
        x.topk(2, dim=1)[1]
        x.topk(2, dim=1, largest=False).values
        x.topk(1, 1, True, True)[1]
    """,
    "shapes": """
        x.view(4, 3)
        x.view(-1)
        x.view(2, -1)
        x.view((4, 3))
        b.view(b.size(0), -1)
        b.view(b.shape[0], -1)
        x.reshape(4, 3)
        x.reshape(-1)
        x.reshape((2, 6))
        b.reshape(b.size(0), -1)
        torch.reshape(x, (4, 3))
        b.flatten()
        b.flatten(1)
        b.flatten(start_dim=1)
        b.flatten(0, 1)
        torch.flatten(b, 1)
        torch.flatten(b, start_dim=1)
        torch.flatten(b, 0, 1)
        x.unflatten(1, (2, 2))
        x.t()
        x.T
        x.transpose(0, 1)
        b.transpose(1, 2)
        b.transpose(-1, -2)
        torch.transpose(x, 0, 1)
        b.mT
        b.permute(2, 0, 1)
        b.permute((2, 0, 1))
        torch.permute(b, (2, 0, 1))
        b.movedim(0, -1)
        torch.movedim(b, 0, 1)
        b.swapaxes(0, 1)
        x.unsqueeze(0)
        x.unsqueeze(dim=1)
        x.unsqueeze(-1)
        torch.unsqueeze(x, 0)
        x.unsqueeze(0).squeeze(0)
        x.unsqueeze(0).squeeze()
        x.unsqueeze(0).squeeze(dim=0)
        torch.squeeze(x.unsqueeze(0))
        x.squeeze(0).shape
        x[None]
        x[:, None]
        x[..., None]
        v.expand(3, 4)
        v.expand(3, -1)
        v.expand_as(x)
        v.unsqueeze(0).expand(2, -1)
        torch.broadcast_to(v, (3, 4))
        v.repeat(2)
        v.repeat(2, 3)
        x.repeat(2, 1)
        x.unsqueeze(0).repeat(3, 1, 1)
        torch.tile(v, (2,))
        v.repeat_interleave(2)
        x.repeat_interleave(2, dim=0)
        torch.repeat_interleave(x, 3, dim=1)
        torch.cat([x, y])
        torch.cat([x, y], dim=1)
        torch.cat((x, y), 1)
        torch.cat((x, y), dim=-1)
        torch.concat([x, y], dim=0)
        torch.stack([x, y])
        torch.stack([x, y], dim=1)
        torch.stack((x, y), -1)
        torch.vstack((x, y))
        torch.hstack((x, y))
        torch.split(x, 2, dim=1)
        x.split(2, dim=1)
        x.split([1, 3], dim=1)
        torch.chunk(x, 2, dim=1)
        x.chunk(2, dim=1)
        x.chunk(2, 1)
        x.unbind(0)
        x.unbind(dim=1)
        torch.unbind(x, dim=0)
        torch.flip(x, [0])
        x.flip(0)
        x.flip(dims=(0, 1))
        torch.roll(x, 1, 0)
        x.roll(1, dims=0)
        x.narrow(1, 1, 2)
        torch.diag(v)
        torch.diag(m[:, :4])
        torch.tril(x)
        torch.triu(x)
        torch.meshgrid(v, v, indexing="ij")
        F.pad(x, (1, 1))
        F.pad(x, (1, 0, 2, 1))
        F.pad(x, (1, 1), value=3.0)
        F.pad(x, (1, 1), "constant", 0)
        a, c = x.chunk(2, dim=1); a + c
    """,
    "picking": """
        x[0]
        x[-1]
        x[0, 1]
        x[:, 0]
        x[..., 0]
        x[1:]
        x[::2]
        x[:, 1:3]
        x[[0, 2]]
        x[torch.tensor([0, 2])]
        m[k - 1]
        x[:, [0, 2]]
        x[:, torch.tensor([0, 2])]
        x[[0, 1], [1, 2]]
        x[torch.arange(3), k]
        x[range(3), k]
        b[0, :, [1, 2]]
        b[[0, 1], None, [1, 2]]
        b[:, mask[:, 0]]
        b[[True, False]]
        b[..., [3, 0]]
        b[1, ..., torch.tensor([1, 1])]
        x[torch.tensor(1)]
        x[[-1, 0]]
        b[:, [0, 1], [1, 2]]
        b[0, [0, 1]]
        b[[0, 1], :, [1, 2]]
        x[torch.tensor([[0, 1], [1, 2]])]
        x[np.array([0, 2])]
        x[x > 0]
        x[mask]
        x[mask].sum()
        x[mask[:, 0]]
        x[:, mask[0]]
        x[x.argmax(0), torch.arange(4)]
        torch.masked_select(x, mask)
        x.masked_select(mask)
        torch.nonzero(mask)
        mask.nonzero()
        torch.nonzero(mask, as_tuple=True)
        torch.where(mask)
        torch.gather(x, 1, k.unsqueeze(1))
        x.gather(1, k.unsqueeze(1))
        x.gather(dim=1, index=k.view(-1, 1))
        torch.index_select(x, 0, torch.tensor([0, 2]))
        x.index_select(1, torch.tensor([0, 2]))
        torch.take(x, torch.tensor([0, 5]))
        torch.zeros(3, 4).scatter(1, k.unsqueeze(1), 1.0)
        torch.zeros(3, 4).scatter_(1, k.unsqueeze(1), 1.0)
        torch.zeros(3, 4).scatter_(1, k.view(-1, 1), 1)
        torch.zeros(4).scatter_add(0, k, torch.ones(3))
        torch.zeros(4).index_add(0, k, torch.ones(3))
        F.one_hot(k)
        F.one_hot(k, 4)
        F.one_hot(k, num_classes=5).float()
        z = x.clone(); z[0] = 0; z
        z = x.clone(); z[:, 1] = y[:, 1]; z
        z = x.clone(); z[0, 1] = 5.0; z
        z = x.clone(); z[mask] = 0; z
        z = x.clone(); z[z < 0] = 0; z
        z = x.clone(); z[mask] = y[mask]; z
        z = x.clone(); z[[0, 2]] = 1.0; z
        z = x.clone(); z[torch.arange(3), k] = 9.0; z
        z = x.clone(); z[:, [0, 2]] = 0; z
        z = x.clone(); z[0] += 1; z
        z = x.clone(); z[mask] *= 2; z
        z = x.clone(); z[1:] = x[:-1]; z
    """,
    "in place": """
        z = x.clone(); z += 1; z
        z = x.clone(); z -= y; z
        z = x.clone(); z *= 2; z
        z = x.clone(); z /= 2; z
        z = p.clone(); z **= 2; z
        z = p.clone(); z %= 0.5; z
        z = x.clone(); z //= 1; z
        z = mask.clone(); z &= x > 0; z
        z = mask.clone(); z |= x > 0; z
        z = mask.clone(); z ^= x > 0; z
        z = x.clone(); z.add_(1); z
        z = x.clone(); z.add_(y); z
        z = x.clone(); z.add_(y, alpha=-0.1); z
        z = x.clone(); z.sub_(y); z
        z = x.clone(); z.mul_(0.5); z
        z = x.clone(); z.div_(2); z
        z = p.clone(); z.pow_(2); z
        z = x.clone(); z.zero_(); z
        z = x.clone(); z.fill_(3.0); z
        z = x.clone(); z.copy_(y); z
        z = x.clone(); z.clamp_(0, 1); z
        z = x.clone(); z.clamp_(min=0); z
        z = x.clone(); z.clip_(-1, 1); z
        z = x.clone(); z.neg_(); z
        z = x.clone(); z.abs_(); z
        z = x.clone(); z.exp_(); z
        z = p.clone(); z.sqrt_(); z
        z = x.clone(); z.relu_(); z
        z = x.clone(); z.sigmoid_(); z
        z = x.clone(); z.tanh_(); z
        z = x.clone(); z.round_(); z
        z = x.clone(); z.floor_(); z
        z = x.clone(); z.masked_fill_(mask, 0.0); z
        z = x.clone(); z.lerp_(y, 0.5); z
        z = x.clone(); z.detach_(); z
        z = x.clone(); z.mul_(0.9).add_(y); z
        z = x.clone(); z.unsqueeze_(0).shape
        z = x.clone(); z.uniform_(0, 1).shape
        z = x.clone(); z.normal_(0, 1).shape
        z = x.clone(); z.bernoulli_(0.0); z
        z = x.clone(); z.data = y; z
        z = x.clone(); z.data.mul_(2); z
        z = x.clone(); z.data[0] = 0; z
        z = x.clone(); z.requires_grad_(); z.requires_grad
        z = x.clone(); z.requires_grad = True; z.requires_grad
    """,
    "products": """
        torch.matmul(x, m)
        torch.mm(x, m)
        x.mm(m)
        x.matmul(m)
        torch.bmm(b, b.transpose(1, 2))
        b.bmm(b.transpose(1, 2))
        torch.dot(v, v)
        v.dot(v)
        torch.mv(x, v)
        torch.outer(v, v)
        v.outer(v)
        x.addmm(x, m[:, :4])
        torch.addmm(x, x, m[:, :4])
        torch.einsum("ij,jk->ik", x, m)
        torch.einsum("bij,bkj->bik", b, b)
        torch.einsum("ij->ji", x)
        torch.einsum("ij->", x)
        torch.einsum("i,j->ij", v, v)
        torch.einsum("ij,j->i", x, v)
        torch.einsum("tbn,nm->tbm", s, m)
        torch.einsum("ij,ij->i", x, y)
        torch.einsum("...j,jk->...k", b, m)
        torch.einsum("ij,jk", x, m)
        torch.trace(m[:, :4])
        torch.tensordot(x, m, dims=1)
        torch.cdist(x, y)
        F.linear(x, m.t())
        F.linear(x, m.t(), torch.ones(5))
        F.normalize(x, dim=1)
        F.cosine_similarity(x, y, dim=1)
    """,
    "gradients": """
        (w * w).sum().backward(); w.grad
        loss = (w ** 2).mean(); loss.backward(); w.grad
        torch.autograd.grad((w ** 2).sum(), w)[0]
        torch.autograd.grad((w ** 2).sum(), [w])[0]
        (w * 2).backward(torch.ones_like(w)); w.grad
        z = w * 2; z.retain_grad(); z.sum().backward(); z.grad
        z = (w * 2).sum(); z.backward(retain_graph=True); z.backward(); w.grad
        w.sum().backward(); w.grad.zero_(); w.grad
        w.sum().backward(); w.grad.data.zero_(); w.grad
        w.sum().backward(); w.grad = None; w.grad is None
        torch.no_grad().__enter__() and None; torch.set_grad_enabled(True) and None; w.requires_grad
        with torch.no_grad(): z = w * 2; z.requires_grad
        with torch.enable_grad(): z = w * 2
        with torch.inference_mode(): z = w * 2
        torch.is_grad_enabled()
        w.max(dim=1)[0].sum().backward(); w.grad
        w.max().backward(); w.grad
        w.sort(dim=1)[0][:, 0].sum().backward(); w.grad
        w.topk(2, dim=1)[0].sum().backward(); w.grad
        w[mask].sum().backward(); w.grad
        w[torch.arange(3), k].sum().backward(); w.grad
        w.gather(1, k.unsqueeze(1)).sum().backward(); w.grad
        w.masked_fill(mask, 0.0).sum().backward(); w.grad
        w.prod(dim=1).sum().backward(); w.grad
        w.std(dim=1).sum().backward(); w.grad
        w.norm().backward(); w.grad
        w.repeat(2, 1).mul(torch.cat([x, y])).sum().backward(); w.grad
        torch.einsum("ij,jk->ik", w, m).pow(2).sum().backward(); w.grad
        torch.clamp(w, min=0).sum().backward(); w.grad
        torch.floor(w).sum().backward(); w.grad
        torch.where(w > 0, w, 0.1 * w).sum().backward(); w.grad
        torch.stack(w.unbind(0)).pow(2).sum().backward(); w.grad
        F.pad(w, (1, 1), value=2.0).pow(2).sum().backward(); w.grad
        F.binary_cross_entropy(torch.sigmoid(w), mask.float()).backward(); w.grad
        w.register_hook(lambda g: g * 2) and None; w.sum().backward(); w.grad
        torch.nn.utils.clip_grad_norm_([w], 1.0) is not None
        w.grad is None
        w.grad_fn is None
        (w * 2).grad_fn is None
    """,
    "losses and functions": """
        F.relu(x)
        F.relu(x, inplace=False)
        F.leaky_relu(x, 0.1)
        F.leaky_relu(x, negative_slope=0.2)
        F.elu(x)
        F.gelu(x)
        F.silu(x)
        F.softplus(x)
        F.sigmoid(x)
        F.tanh(x)
        F.hardtanh(x)
        F.relu6(x)
        F.softmax(x, dim=1)
        F.softmax(x, dim=-1)
        F.log_softmax(x, dim=1)
        F.log_softmax(x, 1)
        F.logsigmoid(x)
        F.threshold(x, 0.1, 0.0)
        F.cross_entropy(x, k)
        F.cross_entropy(x, k, reduction="sum")
        F.cross_entropy(x, k, reduction="none")
        F.cross_entropy(x, F.one_hot(k, 4).float())
        F.cross_entropy(x, k, label_smoothing=0.1)
        F.nll_loss(F.log_softmax(x, dim=1), k)
        F.mse_loss(x, y)
        F.mse_loss(x, y, reduction="sum")
        F.mse_loss(s.mean(0), torch.ones(2, 4))
        F.l1_loss(x, y)
        F.smooth_l1_loss(x, y)
        F.huber_loss(x, y)
        F.binary_cross_entropy(torch.sigmoid(x), mask.float())
        F.binary_cross_entropy_with_logits(x, mask.float())
        F.kl_div(F.log_softmax(x, 1), F.softmax(y, 1), reduction="batchmean")
        F.dropout(x, p=0.0)
        F.dropout(x, 0.5, training=False)
        F.layer_norm(x, (4,))
        F.batch_norm(x, torch.zeros(4), torch.ones(4))
        F.embedding(k, m)
        F.max_pool2d(img, 2)
        F.avg_pool2d(img, 2)
        F.avg_pool2d(img, kernel_size=2, stride=2)
        F.adaptive_avg_pool2d(img, 1)
        F.adaptive_avg_pool2d(img, (1, 1))
        F.interpolate(img, scale_factor=2)
        F.unfold(img, 2).shape
        F.conv2d(img, torch.ones(2, 3, 3, 3), padding=1)
        F.conv1d(img[:, :, 0], torch.ones(2, 3, 3))
        torch.nn.functional.relu(x)
        torch.nn.functional.mse_loss(x, y)
        torch.nn.functional.one_hot(k, 4)
        nn.functional.relu(x)
        nn.functional.softmax(x, dim=1)
    """,
    "modules": """
        nn.Linear(4, 2)(x).shape
        nn.Linear(4, 2, bias=False)(x).shape
        nn.Linear(in_features=4, out_features=2).weight.shape
        nn.Conv2d(3, 5, 3)(img).shape
        nn.Conv2d(3, 5, kernel_size=3, padding=1, stride=2)(img).shape
        nn.Conv2d(3, 5, 3, bias=False).bias is None
        nn.ReLU()(x)
        nn.ReLU(inplace=True)(x.clone())
        nn.ReLU(True)(x.clone())
        nn.LeakyReLU(0.1)(x)
        nn.LeakyReLU(negative_slope=0.1, inplace=True)(x.clone())
        nn.Tanh()(x)
        nn.GELU()(x)
        nn.Identity()(x)
        nn.Softmax(dim=1)(x)
        nn.LogSoftmax(dim=1)(x)
        nn.ELU()(x)
        nn.Flatten()(b)
        nn.Flatten(start_dim=1)(b)
        nn.Dropout(0.5).eval()(x)
        nn.Dropout(p=0.5, inplace=True).eval()(x.clone())
        nn.Dropout2d(0.5).eval()(img)
        nn.MaxPool2d(2)(img)
        nn.MaxPool2d(kernel_size=2, stride=2)(img)
        nn.AvgPool2d(2)(img)
        nn.AdaptiveAvgPool2d(1)(img)
        nn.AdaptiveAvgPool2d((1, 1))(img)
        nn.BatchNorm1d(4)(x)
        nn.BatchNorm2d(3)(img)
        nn.LayerNorm(4)(x)
        nn.Embedding(4, 3)(k).shape
        nn.CrossEntropyLoss()(x, k)
        nn.CrossEntropyLoss(reduction="sum")(x, k)
        nn.MSELoss()(x, y)
        nn.L1Loss()(x, y)
        nn.NLLLoss()(F.log_softmax(x, dim=1), k)
        nn.BCELoss()(torch.sigmoid(x), mask.float())
        nn.BCEWithLogitsLoss()(x, mask.float())
        nn.SmoothL1Loss()(x, y)
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))(x).shape
        nn.Sequential(nn.Flatten(), nn.Linear(12, 2))(b).shape
        len(nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)]))
        nn.Parameter(torch.zeros(3)).requires_grad
        nn.Parameter(torch.zeros(3), requires_grad=False).requires_grad
        len(list(nn.Linear(4, 2).parameters()))
        sum(p.numel() for p in nn.Linear(4, 2).parameters())
        sum(p.numel() for p in nn.Linear(4, 2).parameters() if p.requires_grad)
        [n for n, _ in nn.Linear(4, 2).named_parameters()]
        sorted(nn.BatchNorm1d(4).state_dict())
        nn.Linear(4, 2).to("cpu").weight.shape
        nn.Linear(4, 2).cpu().weight.shape
        nn.Linear(4, 2).to(x.device).weight.shape
        nn.Linear(4, 2).float().weight.dtype == torch.float32
        nn.Linear(4, 2).train().training
        nn.Linear(4, 2).eval().training
        nn.Linear(4, 2).requires_grad_(False).weight.requires_grad
        nn.Linear(4, 2).zero_grad() is None
        next(nn.Linear(4, 2).parameters()).device == x.device
        nn.init.xavier_uniform_(torch.empty(3, 4)).shape
        nn.init.kaiming_normal_(torch.empty(3, 4)).shape
        nn.init.constant_(torch.empty(3), 2.0)
        nn.init.zeros_(torch.empty(3))
        nn.init.normal_(torch.empty(3, 4), 0.0, 0.02).shape
        nn.Linear(4, 2).apply(lambda module: None)(x).shape
        list(dict(nn.Sequential(nn.Linear(4, 2)).named_modules()))
        nn.utils.clip_grad_norm_(nn.Linear(4, 2).parameters(), 1.0) is not None
        nn.utils.parameters_to_vector(nn.Linear(4, 2).parameters()).shape
    """,
    "optimizers": """
        optim.SGD([w], lr=0.1).zero_grad()
        optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True).zero_grad()
        optim.Adam([w], lr=1e-3, betas=(0.9, 0.999)).zero_grad()
        optim.Adam([w], 1e-3).zero_grad(set_to_none=True)
        optim.AdamW([w], lr=1e-3, weight_decay=0.01).zero_grad()
        optim.RMSprop([w], lr=1e-3).zero_grad()
        optim.Adam([{"params": [w], "lr": 0.1}], lr=0.2).param_groups[0]["lr"]
        optim.SGD([w], lr=0.1).param_groups[0]["lr"]
        opt = optim.SGD([w], lr=0.1); (w * x).sum().backward(); opt.step(); w
        opt = optim.SGD([w], lr=0.1, maximize=True); (w * x).sum().backward(); opt.step(); w
        opt = optim.Adam([w], lr=0.1); (w * x).sum().backward(); opt.step(); w
        opt = optim.SGD([w], lr=0.1); opt.param_groups[0]["lr"] = 0.5; w.sum().backward(); opt.step(); w
        sched = optim.lr_scheduler.StepLR(optim.SGD([w], lr=1.0), 1, gamma=0.1); sched.get_last_lr()
        sched = optim.lr_scheduler.StepLR(optim.SGD([w], lr=1.0), step_size=10); sched.get_last_lr()
        sched = optim.lr_scheduler.CosineAnnealingLR(optim.SGD([w], lr=1.0), T_max=10); sched.get_last_lr()
        sched = optim.lr_scheduler.ExponentialLR(optim.SGD([w], lr=1.0), gamma=0.9); sched.get_last_lr()
        sched = optim.lr_scheduler.MultiStepLR(optim.SGD([w], lr=1.0), [2, 4]); sched.get_last_lr()
        sched = optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([w], lr=1.0), patience=2); sched.step(1.0)
        sched = optim.lr_scheduler.LambdaLR(optim.SGD([w], lr=1.0), lambda epoch: 0.5); sched.get_last_lr()
        opt = optim.Adam([w], lr=0.1, maximize=True); (w * x).sum().backward(); opt.step(); w
        opt = optim.AdamW([w], lr=0.1, maximize=True); (w * x).sum().backward(); opt.step(); w
        opt = optim.RMSprop([w], lr=0.1, maximize=True); (w * x).sum().backward(); opt.step(); w
        s = optim.lr_scheduler.ExponentialLR(optim.SGD([w], lr=1.0), 0.9); [s.step() for _ in range(3)]; s.get_last_lr()
        s = optim.lr_scheduler.MultiStepLR(optim.SGD([w], lr=1.0), [2, 2, 4]); [s.step() for _ in range(3)]; s.get_last_lr()
        s = optim.lr_scheduler.LambdaLR(optim.SGD([w], lr=2.0), [lambda t: 1 / (1 + t)]); s.step(); s.step(); s.get_last_lr()
        opt = optim.SGD([w], lr=1.0); s = optim.lr_scheduler.ReduceLROnPlateau(opt, patience=1); [(s.step(m), opt.param_groups[0]["lr"])[1] for m in (3, 2, 2, 2, 2, 1, 5, 5, 5, 5)]
        opt = optim.SGD([w], lr=1.0); s = optim.lr_scheduler.ReduceLROnPlateau(opt, "max", 0.5, 0, 0.1, "abs", 2, 0.2); [(s.step(m), opt.param_groups[0]["lr"])[1] for m in (1, 1.05, 1.2, 1.1, 1, 1, 1, 1, 1, 1)]
        opt = optim.SGD([w], lr=1.0); s = optim.lr_scheduler.ReduceLROnPlateau(opt, patience=0); [(s.step(m), opt.param_groups[0]["lr"])[1] for m in (-3, -3, -2, -3, -4)]
        opt = optim.SGD([w], lr=1.0); s = optim.lr_scheduler.ReduceLROnPlateau(opt, patience=0); [(s.step(torch.tensor(m)), opt.param_groups[0]["lr"])[1] for m in (3.0, 4.0)]
        torch.optim.Adam([w], lr=1e-3).state_dict()["param_groups"][0]["lr"]
    """,
}


def lines():
    """(group, line) of each."""
    return [(group, line.strip()) for group, text in LINES.items() for line in text.strip().splitlines()]


def scope(torch, functional, nn, optim):
    """The names that the lines use, made anew."""
    rng = np.random.default_rng(20)

    def normal(*shape):
        return np.round(rng.standard_normal(shape), 3).astype(np.float32)

    x, y, v, b, m, array = normal(3, 4), normal(3, 4), normal(4), normal(2, 3, 4), normal(4, 5), normal(2, 3)
    names = dict(x=x, y=y, v=v, b=b, m=m, p=np.abs(normal(3, 4)) + np.float32(0.25), w=normal(3, 4))
    names["i"] = rng.integers(0, 5, (3, 4), np.int32)
    names["k"] = np.array([1, 3, 0])
    names["mask"] = rng.random((3, 4)) < 0.5
    names["s"] = (rng.random((5, 2, 4)) < 0.4).astype(np.float32)
    names["img"] = normal(2, 3, 8, 8)
    made = {name: torch.tensor(value) for name, value in names.items()}
    made["w"].requires_grad_()
    return {"torch": torch, "F": functional, "nn": nn, "optim": optim, "np": np, "array": array, **made}


def run(line, names):
    """What a line gives, as a list of (shape, kind, values): of tensors, numbers, words and containers of those."""
    tree = ast.parse(line)
    body = tree.body[-1].body if isinstance(tree.body[-1], ast.With) else tree.body
    if isinstance(body[-1], ast.Expr):
        body[-1] = ast.Assign([ast.Name("result", ast.Store())], body[-1].value)
    exec(compile(ast.fix_missing_locations(tree), line, "exec"), names)
    return flat(names.get("result"))


def flat(value):
    """Any result as a list of [shape, kind, values]."""
    if isinstance(value, (tuple, list)) and not all(isinstance(v, (int, float, bool, str)) for v in value):
        return [part for v in value for part in flat(v)]
    if value is None or isinstance(value, str):
        return [[[], "text", str(value)]]
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    given = np.asarray(value)
    if given.dtype.kind == "U":
        return [[list(given.shape), "text", given.tolist()]]
    kind = {"b": "bool", "i": "whole", "u": "whole", "f": "real"}[given.dtype.kind]
    return [[list(given.shape), kind, given.reshape(-1).tolist()]]
