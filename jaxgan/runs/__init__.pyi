from .disk.generator import (
    TrainedGenerator as TrainedGenerator,
    load_generator as load_generator,
    load_players as load_players,
    load_state as load_state,
)
from .disk.result import Result as Result
from .outputs.evaluate import evaluate_generator as evaluate_generator
from .outputs.export import (
    export_generator as export_generator,
    load_safetensors as load_safetensors,
)
from .outputs.loading import load as load
from .outputs.publish import upload as upload, write_repository as write_repository
from .outputs.samples import (
    draw_levels as draw_levels,
    draw_samples as draw_samples,
    draw_with_conditions as draw_with_conditions,
)
from .outputs.translate import translate_image as translate_image
from .outputs.upscale import upscale_image as upscale_image
from .settings.config import Config as Config, read_config as read_config
from .stages import train_stages as train_stages
from .train import train_run as train_run
