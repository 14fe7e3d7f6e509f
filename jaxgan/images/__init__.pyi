from . import pyramid as pyramid, resampling as resampling, tasks as tasks
