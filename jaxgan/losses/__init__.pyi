from .adversarial import (
    bidirectional as bidirectional,
    hinge as hinge,
    label_smoothing as label_smoothing,
    least_squares as least_squares,
    minimax as minimax,
    non_saturating as non_saturating,
    relativistic as relativistic,
    relativistic_average as relativistic_average,
    relativistic_average_hinge as relativistic_average_hinge,
    relativistic_average_least_squares as relativistic_average_least_squares,
    terms_only as terms_only,
    wasserstein as wasserstein,
    without_generator as without_generator,
)
from .f_gans import Divergence as Divergence, f_gan as f_gan
from .likelihood import (
    bernoulli_log_likelihood as bernoulli_log_likelihood,
    binary_cross_entropy as binary_cross_entropy,
    finite as finite,
    log_probability as log_probability,
    mean as mean,
    optimal_discriminator as optimal_discriminator,
    value_function as value_function,
)
