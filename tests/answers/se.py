"""Answers to the exercises of se: how students get them wrong, and another right way."""


# %% se-extra wrong: fails where there is no stage
def extra(stages, r):
    blocks, widths = zip(*stages)
    return sum(2 * N * C * (C // r) for N, C in zip(blocks, widths))


# %% se-extra wrong: with biases
def extra(stages, r):
    return sum(N * (2 * C * (C // r) + C // r + C) for N, C in stages)


# %% se-extra wrong: one of the two layers
def extra(stages, r):
    return sum(N * C * C // r for N, C in stages)


# %% se-extra wrong: one block a stage
def extra(stages, r):
    return sum(2 * C * C // r for N, C in stages)


# %% se-extra wrong: empties the caller's list
def extra(stages, r):
    total = 0
    stages = stages if isinstance(stages, list) else list(stages)
    while stages:
        N, C = stages.pop()
        total += 2 * N * C * C // r
    return total


# %% se-extra wrong: a float
def extra(stages, r):
    return 2 / r * sum(N * C**2 for N, C in stages)


# %% se-extra right: block by block
def extra(stages, r):
    total = 0
    for number, channels in stages:
        squeezed = channels // r
        for _ in range(number):
            total += channels * squeezed  # down
            total += squeezed * channels  # and up again
    return total


# %% se-extra right: the sum first
def extra(stages, r):
    return 2 * sum(N * C**2 for N, C in stages) // r


# %% se-excite wrong: the two activations swapped
def excite(u, W1, b1, W2, b2):
    z = u.mean(dim=(2, 3))
    s = torch.relu(torch.sigmoid(z @ W1.T + b1) @ W2.T + b2)
    return s[:, :, None, None] * u


# %% se-excite wrong: the maximum instead of the mean
def excite(u, W1, b1, W2, b2):
    z = u.amax(dim=(2, 3))
    s = torch.sigmoid(torch.relu(z @ W1.T + b1) @ W2.T + b2)
    return s[:, :, None, None] * u


# %% se-excite wrong: without the biases
def excite(u, W1, b1, W2, b2):
    z = u.mean(dim=(2, 3))
    s = torch.sigmoid(torch.relu(z @ W1.T) @ W2.T)
    return s[:, :, None, None] * u


# %% se-excite wrong: adds the weights instead of scaling by them
def excite(u, W1, b1, W2, b2):
    z = u.mean(dim=(2, 3))
    s = torch.sigmoid(torch.relu(z @ W1.T + b1) @ W2.T + b2)
    return s[:, :, None, None] + u


# %% se-excite wrong: changes its argument
def excite(u, W1, b1, W2, b2):
    z = u.mean(dim=(2, 3))
    s = torch.sigmoid(torch.relu(z @ W1.T + b1) @ W2.T + b2)
    u *= s[:, :, None, None]
    return u


# %% se-excite wrong: one descriptor for the whole batch
def excite(u, W1, b1, W2, b2):
    z = u.mean(dim=(0, 2, 3))
    s = torch.sigmoid(W2 @ torch.relu(W1 @ z + b1) + b2)
    return s[None, :, None, None] * u


# %% se-excite right: one picture after the other, without the functions of PyTorch
def excite(u, W1, b1, W2, b2):
    scaled = []
    for picture in u:
        z = torch.stack([channel.sum() / channel.numel() for channel in picture])
        hidden = (W1 @ z + b1).clamp(min=0)
        s = 1 / (1 + (-(W2 @ hidden + b2)).exp())
        scaled.append(torch.einsum("c,chw->chw", s, picture))
    return torch.stack(scaled)


# %% se-excite right: the matrices as convolutions
def excite(u, W1, b1, W2, b2):
    z = F.adaptive_avg_pool2d(u, 1)
    z = F.conv2d(z, W1[..., None, None], b1).relu()
    return u * F.conv2d(z, W2[..., None, None], b2).sigmoid()


# %% se-fair wrong: rounds to the nearest
def fair(squeezed, side):
    return round(2 * squeezed / (side**2 + 1))


# %% se-fair wrong: rounds up
def fair(squeezed, side):
    return -(-2 * squeezed // (side**2 + 1))


# %% se-fair wrong: the factor of the example for every side
def fair(squeezed, side):
    return squeezed if side == 1 else 2 * squeezed // 5


# %% se-fair wrong: less than the ordinary block instead of no more
def fair(squeezed, side):
    most = 0
    while (most + 1) * (side**2 + 1) < 2 * squeezed:
        most += 1
    return most


# %% se-fair wrong: both layers grow with the descriptor
def fair(squeezed, side):
    return squeezed // side**2


# %% se-fair wrong: a float
def fair(squeezed, side):
    return 2.0 * squeezed // (side**2 + 1)


# %% se-fair right: counts the weights of one more channel between until they are too many
def fair(squeezed, side, C=64):
    limit = C * squeezed + squeezed * C
    between = 0
    while side**2 * C * (between + 1) + (between + 1) * C <= limit:
        between += 1
    return between
