"""A run of an experiment: its config, its folder, its checkpoints, and `main`, which trains, evaluates and plots.

Nothing that is imported here needs TensorFlow: the tools over runs, and the NumPy experiment, do without.
"""

import os

os.environ.setdefault("MPLBACKEND", "agg")  # figures go to files

from gan_paper.run.config import Config as Config
from gan_paper.run.config import Refused as Refused
from gan_paper.run.config import load_experiment as load_experiment
from gan_paper.run.folder import Folder as Folder
from gan_paper.run.folder import read_config as read_config
from gan_paper.run.folder import read_history as read_history
from gan_paper.run.folder import read_metrics as read_metrics
from gan_paper.run.folder import read_recording as read_recording
from gan_paper.run.folder import save_figure as save_figure
from gan_paper.run.main import exit_statuses as exit_statuses
from gan_paper.run.main import finish as finish
from gan_paper.run.main import main as main
from gan_paper.run.main import table as table
from gan_paper.run.references import find_reference as find_reference
from gan_paper.run.references import verdict as verdict
