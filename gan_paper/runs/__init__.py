"""What makes a script's run survive: settings and command line, folder, checkpoints, and what a person is told.

Nothing that is imported here needs TensorFlow, so that `--help` and a refusal are quick.
"""

from gan_paper.runs.folder import Refused as Refused
from gan_paper.runs.folder import claim as claim
from gan_paper.runs.folder import foreign as foreign
from gan_paper.runs.folder import read_config as read_config
from gan_paper.runs.folder import read_metrics as read_metrics
from gan_paper.runs.run import Pace as Pace
from gan_paper.runs.run import Run as Run
from gan_paper.runs.run import save_picture as save_picture
from gan_paper.runs.run import table as table
from gan_paper.runs.script import exit_statuses as exit_statuses
from gan_paper.runs.script import main as main
from gan_paper.runs.script import progress as progress
from gan_paper.runs.script import quiet_tensorflow as quiet_tensorflow
from gan_paper.runs.settings import Between as Between
from gan_paper.runs.settings import FitSettings as FitSettings
from gan_paper.runs.settings import Iterations as Iterations
from gan_paper.runs.settings import Settings as Settings
from gan_paper.runs.settings import differing as differing
from gan_paper.runs.settings import limits as limits
from gan_paper.runs.settings import parse as parse
