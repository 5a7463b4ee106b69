"""The cases are the experiments' presets: their own GANs, and the description of one for other frameworks."""

from importlib import import_module
from typing import Any

from contenders.cases import CHECKED, Activation, Case, Dense, Dropout, Layers, Rescaling, Rule, Schedule, Source
from gan_paper.algorithm1 import GAN
from gan_paper.distributions import Images
from gan_paper.layers import Dropout as OurDropout
from gan_paper.layers import Maxout
from gan_paper.optimizers import RisingMomentum

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.optimizers import SGD, Adam

SCHEDULES: dict[str, Any] = {
    "CosineDecay": "cosine",
    "ExponentialDecay": "exponential",
    "InverseTimeDecay": "inverse_time",
}


def build(name: str, checked: bool = False) -> tuple[GAN, Source, Any]:
    """Make a preset's GAN by its experiment's own code.

    Args:
        name: The case: an experiment, and after a hyphen its preset; by default it is the experiment's first.
        checked: Whether to make the game in which contenders are compared.

    Returns:
        The compiled GAN, where its examples come from, and the preset's settings.
    """
    experiment, _, preset = name.partition("-")
    script = import_module(experiment)
    settings = script.PRESETS[preset or next(iter(script.PRESETS))]
    if experiment == "mnist":  # random pixels in place of a download
        train = np.random.default_rng(0).integers(256, size=(50_000, 784), dtype=np.uint8)
        low, p_z = script.networks.scale_and_prior(settings.preset)
        keras.utils.set_random_seed(settings.seed)
        gan, source = script.make_gan(settings, train, len(train) // settings.m, p_z), Images(train, low, 1)
    else:
        gan = script.make_gan(settings)
        source = {
            "gaussian": lambda: script.TARGETS[settings.preset][0],
            "uniform_to_gaussian": lambda: script.P_DATA,
            "sine": lambda: script.make_data(),
        }[experiment]()
    if checked:
        hasten(gan, settings.iterations / CHECKED)
    return gan, source, settings


def hasten(gan: GAN, factor: float) -> None:
    """Change a GAN into the one in which contenders are compared.

    Its rates and its momentum change in 20 iterations as the preset's do in its whole run, and averages forget a tenth
    in an update: else 20 iterations would not show whether they are right. It has no dropout, since each framework
    draws its own masks. Frameworks add Adam's epsilon in different places; here it is too small to matter. Maxout
    layers begin three times as large: as they are, 20 iterations move G by a few roundings of float32.
    """
    for layer in (*gan.generator.layers, *gan.discriminator.layers):
        if isinstance(layer, OurDropout):
            layer.rate = 0.0
        if isinstance(layer, Maxout):
            layer.kernel.assign(layer.kernel * 3)

    def hastened(optimizer: Any) -> Any:
        config = optimizer.get_config()
        changes: dict[str, Any] = {"ema_momentum": 0.9}
        if isinstance(config["learning_rate"], dict):
            config["learning_rate"]["config"]["decay_steps"] /= factor
        if isinstance(optimizer, Adam):
            changes["epsilon"] = 1e-12
        if isinstance(optimizer, RisingMomentum):
            changes |= {"updates_per_epoch": 1, "saturate": CHECKED}
        return type(optimizer).from_config({**config, **changes})

    rules = hastened(gan.d_optimizer), hastened(gan.g_optimizer)
    gan.compile(*rules, gan.k, gan.generator_loss, gan.simultaneous)


def describe(name: str, checked: bool = False) -> Case:
    """Describe a preset's GAN for other frameworks, by walking its networks and its optimizers.

    Raises:
        ValueError: if it has something that the description has no words for.
    """
    gan, source, settings = build(name, checked)
    *discriminator, last = layers_of(gan.discriminator)
    if last != Activation("sigmoid") or gan.generator_loss != "non_saturating":
        raise ValueError(f"{name}: D must end in a sigmoid, and the objective be non-saturating")
    # A call of the compiled loop ends where the script records, or after 50 iterations on MNIST, which take a second.
    most = 50 if name.startswith("mnist") else settings.record_every
    return Case(
        name,
        checked,
        generator=layers_of(gan.generator),
        discriminator=tuple(discriminator),
        m=settings.m,
        k=gan.k,
        simultaneous=gan.simultaneous,
        d_rule=rule_of(gan.d_optimizer),
        g_rule=rule_of(gan.g_optimizer),
        p_data=source,
        p_z=gan.p_z,
        chunk=gan.minibatches(source, settings.m).per_call(most),
        one_thread=tf.config.threading.get_intra_op_parallelism_threads() == 1,
    )


def layers_of(network: keras.Model) -> Layers:
    """Describe a network."""
    found: list[Any] = []
    for layer in network.layers:
        match layer:
            case layers.Dense():
                only(layer, layers.Dense(1), "units activation kernel_initializer bias_initializer")
                found.append(Dense(*layer.kernel.shape))
                if layer.activation is not keras.activations.linear:
                    found.append(Activation(layer.activation.__name__))
            case Maxout():
                found += [Dense(*layer.kernel.shape), Activation("maxout", layer.pieces)]
            case OurDropout():
                found += [Dropout(layer.rate, layer.input.shape[-1])] if layer.rate else []
            case layers.Rescaling():
                found.append(Rescaling(layer.scale, layer.offset))
            case layers.LeakyReLU():
                found.append(Activation("leaky_relu", layer.negative_slope))
            case layers.ReLU():
                only(layer, layers.ReLU(), "")
                found.append(Activation("relu"))
            case _:
                raise ValueError(f"no contender has the layer {layer!r}")
    return tuple(found)


def rule_of(optimizer: keras.optimizers.Optimizer) -> Rule:
    """Describe an optimizer."""
    config, average = optimizer.get_config(), optimizer.ema_momentum if optimizer.use_ema else None
    rate = config["learning_rate"]
    if not isinstance(rate, dict):
        schedule = Schedule(rate)
    elif rate["class_name"] in SCHEDULES:
        numbers = rate["config"]
        steps, number = numbers["decay_steps"], numbers.get("decay_rate", 0.0)
        schedule = Schedule(numbers["initial_learning_rate"], SCHEDULES[rate["class_name"]], steps, number)
    else:
        raise ValueError(f"no contender has the schedule {rate['class_name']}")
    shared = "learning_rate use_ema ema_momentum"
    if type(optimizer) is Adam:
        only(optimizer, Adam(), f"{shared} beta_1 beta_2 epsilon")
        return Rule("adam", schedule, Schedule(optimizer.beta_1), optimizer.beta_2, optimizer.epsilon, average)
    momentum = Schedule(optimizer.momentum)
    if type(optimizer) is RisingMomentum:
        only(optimizer, RisingMomentum(), f"{shared} momentum final saturate updates_per_epoch")
        stages = optimizer.saturate - 1
        momentum = Schedule(momentum.first, "rising", optimizer.updates_per_epoch, optimizer.final, stages)
    else:
        only(optimizer, SGD(), f"{shared} momentum")
    return Rule("sgd", schedule, momentum, average=average)


def only(thing: Any, default: Any, accepted: str) -> None:
    """Refuse a layer or an optimizer that differs from the default in anything but what is accepted, and its name."""
    config, defaults = thing.get_config(), default.get_config()
    other = {key for key in config if config[key] != defaults.get(key)} - {"name", "dtype", *accepted.split()}
    if type(thing) is not type(default) or other:
        raise ValueError(f"no contender has {thing!r} with {', '.join(sorted(other))}")


def weights(gan: GAN) -> list[np.ndarray]:
    """Copy G's weights, D's, and those of the averages that its optimizers keep, in the order of `Case.split`."""
    networks, averaged = [gan.generator, gan.discriminator], gan.averaged()
    networks += [averaged.generator] if gan.g_optimizer.use_ema else []
    networks += [averaged.discriminator] if gan.d_optimizer.use_ema else []
    return [np.copy(w) for network in networks for w in network.trainable_variables]


def load(gan: GAN, initial: list[np.ndarray]) -> GAN:
    """Give G and D these weights, of which G's are the first, then D's."""
    variables = gan.generator.trainable_variables + gan.discriminator.trainable_variables
    for variable, array in zip(variables, initial, strict=False):
        variable.assign(array)
    return gan
