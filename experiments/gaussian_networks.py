"""The networks of `gaussian.py`: the Keras notebook's, and ours."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def notebook_generator(n: int = 1000, noise_size: int = 1000) -> "keras.Sequential":
    """The notebook's G: two hidden layers of 50 ELU units, `n` linear outputs."""
    from keras import Input, Sequential
    from keras.layers import Dense

    from gan_paper.layers import elu

    layers = [Input((noise_size,)), Dense(50, activation=elu), Dense(50, activation=elu), Dense(n)]
    return Sequential(layers, name="generator")


def notebook_discriminator(n: int = 1000) -> "keras.Sequential":
    """The notebook's D: two hidden layers of 50 ELU units, one sigmoid output."""
    from keras import Input, Sequential
    from keras.layers import Dense

    from gan_paper.layers import elu

    layers = [Input((n,)), Dense(50, activation=elu), Dense(50, activation=elu), Dense(1, activation="sigmoid")]
    return Sequential(layers, name="discriminator")


def matched_generator(
    n: int, noise_size: int, scale: float = 1.0, others: float = 1.0, hidden: int = 2, activation: Any = None
) -> "keras.Sequential":
    """The notebook's G with other initial weights; our choice, not published.

    The initial weights, biases among them, are U(-1, 1) / sqrt(inputs).

    Args:
        n: Outputs.
        noise_size: Inputs.
        scale: Of the first layer's initial weights.
        others: Of the other layers' initial weights.
        hidden: Hidden layers, of 50 units.
        activation: Of the hidden units [default: ELU].
    """
    from keras import Input, Sequential

    from gan_paper.layers import elu, torch_dense

    activation = activation or elu
    first = torch_dense(noise_size, 50, activation, scale)
    rest = [torch_dense(50, 50, activation, others) for _ in range(hidden - 1)]
    return Sequential([Input((noise_size,)), first, *rest, torch_dense(50, n, scale=others)], name="generator")


def matched_discriminator(n: int, mean: float = 0.0, std: float = 1.0, hidden: int = 2) -> "keras.Sequential":
    """The notebook's D with other initial weights; our choice, not published.

    The initial weights, biases among them, are U(-1, 1) / sqrt(inputs), and three times that in the first layer. With
    Keras's default, a ninth of that, its units are nearly straight over the examples, and p_g matches less well.

    Args:
        n: Inputs.
        mean: Subtracted from the inputs; by default they are as they are.
        std: The inputs are divided by it.
        hidden: Hidden layers, of 50 units.
    """
    from keras import Input, Sequential
    from keras.layers import Rescaling

    from gan_paper.layers import elu, torch_dense

    scaled = [] if (mean, std) == (0, 1) else [Rescaling(1 / std, -mean / std)]
    first = torch_dense(n, 50, elu, scale=3.0)
    rest = [torch_dense(50, 50, elu) for _ in range(hidden - 1)]
    return Sequential([Input((n,)), *scaled, first, *rest, torch_dense(50, 1, "sigmoid")], name="discriminator")


def affine_generator(
    n: int, noise_size: int, mean: float = 0.0, std: float = 1.0, scale: float = 1.0
) -> "keras.Sequential":
    """One dense layer without an activation, G(z) = mean + std (a + B z), whose covariance has the rank of B.

    B begins as `scale` times a random orthogonal matrix, so that no two entries are correlated at first, and a in
    U(-1, 1).
    """
    from keras import Input, Sequential
    from keras.initializers import Orthogonal, RandomUniform
    from keras.layers import Dense, Rescaling

    dense = Dense(n, kernel_initializer=Orthogonal(scale), bias_initializer=RandomUniform(-1, 1))
    return Sequential([Input((noise_size,)), dense, Rescaling(std, mean)], name="generator")


def wide_discriminator(n: int, mean: float = 0.0, std: float = 1.0, units: int = 1000) -> "keras.Sequential":
    """One hidden layer of ELU units, whose inputs begin with the spread that the standardised examples have."""
    from keras import Input, Sequential
    from keras.layers import Rescaling

    from gan_paper.layers import elu, torch_dense

    layers = [Rescaling(1 / std, -mean / std), torch_dense(n, units, elu, scale=3**0.5)]
    return Sequential([Input((n,)), *layers, torch_dense(units, 1, "sigmoid")], name="discriminator")
