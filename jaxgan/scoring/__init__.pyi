from .accuracy_score import (
    AccuracyScore as AccuracyScore,
    classification_accuracy_score as classification_accuracy_score,
)
from .classifier import (
    Classifier as Classifier,
    classifier_for as classifier_for,
    classify as classify,
    train_classifier as train_classifier,
)
from .evaluation import (
    Compared as Compared,
    Evaluation as Evaluation,
    EvaluationOptions as EvaluationOptions,
    evaluate_samples as evaluate_samples,
    write_evaluation as write_evaluation,
)
from .extractors import (
    Extractor as Extractor,
    FeatureSet as FeatureSet,
    from_network as from_network,
    inception_extractor as inception_extractor,
    make_extractor as make_extractor,
)
from .image_files import read_set as read_set
from .memorisation import memorisation_scores as memorisation_scores
from .pictures import neighbour_picture as neighbour_picture
from .quality import quality_report as quality_report
from .reference import feature_moments as feature_moments
from .scores import Score as Score, scores_of as scores_of
from .settings import Scoring as Scoring
from .statistics_file import (
    FeatureStatistics as FeatureStatistics,
    read_statistics as read_statistics,
    write_statistics as write_statistics,
)
