"""Operations on tensors, one file per family: each checks its shapes and issues its kernels."""
