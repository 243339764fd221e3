"""A training step, as tests of training and of compiled training take it."""

import grilly_vk.functional as F


def training_step(model, optimizer, loss_of):
    """step(x, *targets): states forgotten, one update on the gradient of loss_of(model(x), *targets), the loss."""

    def step(x, *targets):
        F.reset_net(model)
        optimizer.zero_grad()
        loss = loss_of(model(x), *targets)
        loss.backward()
        optimizer.step()
        return loss

    return step
