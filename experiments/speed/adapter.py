"""Temporary: the experiments before the rebuild, by its protocol."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import keras

from gan_paper.distributions import Images

OLD = {
    "gaussian": ("gaussian", "scalar"),
    "vectors": ("gaussian", "vectors"),
    "vectors-notebook": ("gaussian", "notebook"),
    "uniform_to_gaussian": ("uniform_to_gaussian", "matched"),
    "sine": ("sine", "matched"),
    "mnist-released": ("mnist", "released"),
    "mnist-paper": ("mnist", "paper"),
    "mnist_dense": ("mnist", "dense"),
}


def build(name: str, data: Path | None) -> tuple[Any, Any, Any]:
    experiment, preset = OLD[name]
    script = import_module(experiment)
    config = script.PRESETS[preset]
    if experiment == "mnist":
        train = script.load(data).train
        low, p_z = script.networks.scale_and_prior(preset)
        keras.utils.set_random_seed(config.seed)
        return script.make_gan(config, train, len(train) // config.m, p_z), Images(train, low, 1), config
    gan = script.make_gan(config)
    source = {
        "gaussian": lambda: script.TARGETS[preset][0],
        "uniform_to_gaussian": lambda: script.P_DATA,
        "sine": lambda: script.make_data(),
    }[experiment]()
    return gan, source, config
