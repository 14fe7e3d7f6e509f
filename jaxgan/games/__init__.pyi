from .of_gan import at_batch as at_batch
from .field import (
    Game as Game,
    Linearized as Linearized,
    antisymmetric_product as antisymmetric_product,
    at_point as at_point,
    gradients as gradients,
    jacobian_product as jacobian_product,
    linearize as linearize,
    symmetric_product as symmetric_product,
    transposed_product as transposed_product,
    vector_field as vector_field,
    with_consensus as with_consensus,
)
from .measures import (
    Exploitability as Exploitability,
    PathAngle as PathAngle,
    duality_gap as duality_gap,
    exploitability as exploitability,
    path_angle as path_angle,
)
from .spectrum import (
    eigenvalues as eigenvalues,
    field_eigenvalues as field_eigenvalues,
    jacobian as jacobian,
    leading_eigenvalues as leading_eigenvalues,
)
from .toys import (
    bilinear as bilinear,
    dirac_gan as dirac_gan,
    gaussian_covariance as gaussian_covariance,
    gaussian_mean as gaussian_mean,
    one_centred as one_centred,
    quadratic as quadratic,
    zero_centred as zero_centred,
    zero_sum as zero_sum,
)
