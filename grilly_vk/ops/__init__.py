"""Operations on tensors, one file a family: each checks its shapes and issues its kernels."""
