from .disk.generator import TrainedGenerator as TrainedGenerator, load_generator as load_generator
from .disk.result import Result as Result
from .outputs.evaluate import Evaluation as Evaluation, evaluate_run as evaluate_run
from .outputs.export import export_run as export_run, load_safetensors as load_safetensors
from .outputs.pyramid_samples import sample_stages as sample_stages
from .outputs.samples import sample_run as sample_run
from .outputs.translate import translate_run as translate_run
from .outputs.upscale import upscale_run as upscale_run
from .settings.config import Config as Config, read_config as read_config
from .stages import train_stages as train_stages
from .train import train_run as train_run
