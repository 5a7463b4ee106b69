"""Algorithm 1 for multilayer perceptrons by hand in NumPy: forward, backward, and SGD with momentum.

The Keras implementation with SGD is tested against it, so it shares no code with that and imports only NumPy.
`tests/test_oracle.py` tests Adam, EMAs, maxout and batch normalisation. `experiments/numpy_gan.py` uses this module to
complete a published NumPy GAN, which stops before its weights are updated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sigmoid(a: Array) -> Array:
    """1 / (1 + exp(-a)), written so that nothing overflows."""
    return 0.5 * (1.0 + np.tanh(0.5 * a))


def log_sigmoid(a: Array) -> Array:
    """log(sigmoid(a)), finite for every finite a."""
    return -np.logaddexp(0.0, -a)


ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "linear": (lambda a: a, np.ones_like),
    "sigmoid": (sigmoid, lambda a: 0.25 * (1.0 - np.tanh(0.5 * a) ** 2)),
    "elu": (
        lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0.0))),
        lambda a: np.where(a > 0, 1.0, np.exp(np.minimum(a, 0.0))),
    ),
}
"""Each activation and its derivative, as functions of the pre-activation."""


@dataclass
class Layer:
    """x -> activation(x @ weights + bias), with weights of shape (inputs, units)."""

    weights: Array
    bias: Array | None
    activation: str


@dataclass
class Perceptron:
    """A multilayer perceptron. A discriminator ends in a sigmoid; its pre-activation is the logit."""

    layers: list[Layer]

    @property
    def parameters(self) -> list[Array]:
        """The parameters of all layers in order; these arrays are trained in place."""
        return [w for layer in self.layers for w in (layer.weights, layer.bias) if w is not None]

    def __call__(self, x: Array) -> Array:
        """The outputs (m, units of the last layer) for inputs x (m, inputs of the first)."""
        return self.forward(x)[0][-1]

    def forward(self, x: Array) -> tuple[list[Array], list[Array]]:
        """Each layer's input, followed by the outputs; and each layer's pre-activation."""
        inputs, pre_activations = [x], []
        for layer in self.layers:
            a = inputs[-1] @ layer.weights
            pre_activations.append(a if layer.bias is None else a + layer.bias)
            inputs.append(ACTIVATIONS[layer.activation][0](pre_activations[-1]))
        return inputs, pre_activations

    def backward(self, inputs: list[Array], pre_activations: list[Array], delta: Array) -> tuple[list[Array], Array]:
        """Backpropagate.

        Args:
            inputs: From `forward`.
            pre_activations: From `forward`.
            delta: The gradient of the loss with respect to the last pre-activation, (m, units).

        Returns:
            The gradients in the order of `parameters`, and the gradient with respect to the network's input.
        """
        gradients: list[Array] = []
        for index in reversed(range(len(self.layers))):
            layer = self.layers[index]
            of_bias = [] if layer.bias is None else [delta.sum(axis=0)]
            gradients = [inputs[index].T @ delta, *of_bias, *gradients]
            of_input = delta @ layer.weights.T
            if index > 0:
                delta = of_input * ACTIVATIONS[self.layers[index - 1].activation][1](pre_activations[index - 1])
        return gradients, of_input


@dataclass
class SGD:
    """Gradient descent with (classical) momentum: v <- momentum v - learning_rate g; w <- w + v."""

    learning_rate: float
    momentum: float = 0.0
    velocities: list[Array] = field(default_factory=list)

    def apply(self, gradients: Sequence[Array], parameters: Sequence[Array]) -> None:
        """Update the parameters in place."""
        self.velocities = self.velocities or [np.zeros_like(w) for w in parameters]
        for w, g, v in zip(parameters, gradients, self.velocities, strict=True):
            v *= self.momentum
            v -= self.learning_rate * g
            w += v


def discriminator_gradients(G: Perceptron, D: Perceptron, x: Array, z: Array) -> tuple[float, list[Array]]:
    """-V(D, G) on examples x and noise z, and its gradients with respect to D's parameters."""
    m = len(x)
    inputs, pre_activations = D.forward(np.concatenate([x, G(z)]))  # both halves at once: one joint update
    logits = pre_activations[-1]
    real, fake = logits[:m], logits[m:]
    loss = -np.mean(log_sigmoid(real)) - np.mean(log_sigmoid(-fake))
    of_logits = np.concatenate([-sigmoid(-real) / real.size, sigmoid(fake) / fake.size])
    gradients, _ = D.backward(inputs, pre_activations, of_logits)
    return float(loss), gradients


def generator_gradients(
    G: Perceptron, D: Perceptron, z: Array, generator_loss: str = "non_saturating"
) -> tuple[float, list[Array]]:
    """The generator's objective on noise z, and its gradients with respect to G's parameters."""
    through_G = G.forward(z)
    through_D = D.forward(through_G[0][-1])
    logits = through_D[1][-1]
    if generator_loss == "saturating":
        loss, of_logits = np.mean(log_sigmoid(-logits)), -sigmoid(logits) / logits.size
    else:
        loss, of_logits = -np.mean(log_sigmoid(logits)), -sigmoid(-logits) / logits.size
    _, of_samples = D.backward(*through_D, of_logits)
    gradients, _ = G.backward(*through_G, of_samples * ACTIVATIONS[G.layers[-1].activation][1](through_G[1][-1]))
    return float(loss), gradients


def iteration(
    G: Perceptron,
    D: Perceptron,
    x: Array,
    z: Array,
    d_optimizer: SGD,
    g_optimizer: SGD,
    generator_loss: str = "non_saturating",
) -> tuple[float, float]:
    """One iteration of Algorithm 1, in place: k updates of D, then one of G.

    Args:
        G: The generator.
        D: The discriminator, whose last layer is a sigmoid.
        x: Examples, (k, m, n).
        z: Noise, (k + 1, m, noise_size); the last minibatch is the generator's.
        d_optimizer: D's optimizer.
        g_optimizer: G's optimizer.
        generator_loss: "saturating" or "non_saturating".

    Returns:
        The loss of the last D update and that of the G update.
    """
    for examples, noise in zip(x, z[:-1], strict=True):
        d_loss, gradients = discriminator_gradients(G, D, examples, noise)
        d_optimizer.apply(gradients, D.parameters)
    g_loss, gradients = generator_gradients(G, D, z[-1], generator_loss)
    g_optimizer.apply(gradients, G.parameters)
    return d_loss, g_loss
