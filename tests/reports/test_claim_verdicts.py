import pytest

from anatomy.bench.records.application_stages import Accuracy
from anatomy.bench.records.record_parts import Counts
from anatomy.bench.records.run_store import Run
from anatomy.models.claims import CLAIMS, Claim
from anatomy.models.frameworks import SLIDE_ROWS
from anatomy.reports.claim_verdicts import FALSE, NOT_COUNTED, QUOTED, TRUE, judge_claim
from anatomy.reports.model_labels import counts_by_model

CLAIM = {claim.key: claim for claim in CLAIMS}


@pytest.fixture
def counts(big_run: Run) -> dict[str, Counts]:
    return counts_by_model(big_run.records)


@pytest.mark.parametrize(
    ("key", "verdict", "found"),
    [
        ("alexnet-layers", "true", "8 layers"),
        ("alexnet-parameters", "true, rounded", "60,965,224"),
        ("alexnet-neurons", "true, rounded down", "659,272"),
        ("alexnet-errors", QUOTED, "Krizhevsky"),
        ("vgg-receptive-field", "true", "= 5"),
        ("vgg16-parameters", "true, rounded", "138,357,544"),
        ("vgg19-described", "false as said", "18 layers, 143,077,160 parameters; VGG-19 has 19 layers, 143,667,240"),
        ("googlenet-layers", "true", "22"),
        ("googlenet-parameters", "false", "4,241,864 by coincidence, 75%"),
        ("resnet1202-attribution", "wrong attribution", "it is ResNet-1202"),
        ("resnet1202-parameters", "true, rounded", "19,421,274 trainable"),
        ("wrn-depth", "true", "= 52"),
        ("rcnn-linear", "true, exactly linear", "530,000·n + 100 MACs"),
        ("text-accuracy", "not reproducible with the code shown", "not measured"),
        ("cntk-backend", "the slides contradict themselves", "CNTK"),
        ("human-error", QUOTED, "Johnson"),
    ],
)
def test_verdicts(key: str, verdict: str, found: str, counts: dict[str, Counts]) -> None:
    result = judge_claim(CLAIM[key], counts)
    assert result.verdict == verdict
    assert found in result.found


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.subjects], ids=lambda c: c.key)
def test_without_counts_nothing_is_judged(claim: Claim) -> None:
    result = judge_claim(claim, {})
    assert result.verdict == NOT_COUNTED
    assert result.counted is None


@pytest.mark.parametrize(
    ("key", "model", "change", "verdict"),
    [
        ("alexnet-parameters", "alexnet", {"parameters": 99_000_000}, "false"),
        ("resnet1202-attribution", "resnet:depth=1202", {"weight_layers": 1205}, "false"),
        ("wrn-depth", "wide_resnet", {"weight_layers": 52}, "false"),
        ("rcnn-linear", "rcnn:words=100", {"macs": 53_000_101}, "false"),
        ("googlenet-parameters", "googlenet", {"parameters": 4_100_000}, "true, rounded"),
    ],
)
def test_verdicts_follow_the_counts(
    key: str, model: str, change: dict[str, int], verdict: str, counts: dict[str, Counts]
) -> None:
    changed = {**counts, model: counts[model].model_copy(update=change)}
    assert judge_claim(CLAIM[key], changed).verdict == verdict


def test_every_claim_has_a_verdict_and_a_key_of_its_own(counts: dict[str, Counts]) -> None:
    assert len(CLAIM) == len(CLAIMS)
    assert all(judge_claim(claim, counts).verdict for claim in CLAIMS)


def test_the_slides_table_is_whole() -> None:
    assert [row.framework for row in SLIDE_ROWS] == ["Theano", "TensorFlow", "Torch", "Caffe", "MXNet", "Neon", "CNTK"]
    marks = [
        [row.tutorials, row.cnn, row.rnn, row.front_end, row.speed, row.multi_gpu, row.keras] for row in SLIDE_ROWS
    ]
    assert [sum(map(len, row)) for row in marks] == [11, 16, 13, 6, 12, 8, 9]
    assert [row.framework for row in SLIDE_ROWS if row.keras] == ["Theano", "TensorFlow"]


def right(application: str, mean: float, spread: float = 0.02, stage: str = "evaluate 2", seeds: int = 5) -> Accuracy:
    interval = (mean - spread, mean + spread) if seeds > 1 else None
    return Accuracy(application, "jax", stage, mean, interval, seeds)


WITH, WITHOUT = "newsgroups text_cnn, data=texts, vectors=glove.txt", "newsgroups text_cnn, data=texts, no vectors"


@pytest.mark.parametrize(
    ("accuracies", "verdict"),
    [
        ([right(WITH, 0.94), right(WITHOUT, 0.89)], TRUE),
        ([right(WITH, 0.94), right(WITHOUT, 0.47)], FALSE),
        ([right(WITH, 0.94, seeds=1), right(WITHOUT, 0.9)], "needs several seeds with vectors and without"),
        ([right(WITH, 0.96)], "needs several seeds with vectors and without"),
        ([right(WITH.replace("texts", "synthetic"), 0.96)], "measured on made-up texts alone"),
        # Training says nothing, and a later epoch is not the slide's.
        ([right(WITH, 0.96, stage="epoch 2")], "not reproducible with the code shown"),
        ([right(WITH, 0.96, stage="evaluate 5"), right(WITHOUT, 0.9)], "needs several seeds with vectors and without"),
    ],
)
def test_the_accuracy_of_texts_is_judged_by_the_applications_run(accuracies: list[Accuracy], verdict: str) -> None:
    judged = judge_claim(CLAIM["text-accuracy"], {}, accuracies)
    assert judged.verdict == verdict
    for one in accuracies:
        if one.stage != "epoch 2":
            assert f"{100 * one.mean:.1f} %" in judged.found


def test_the_slides_epoch_counts_even_where_more_were_trained() -> None:
    epochs = [right(WITH, 0.1 * number, stage=f"evaluate {number}") for number in (1, 2, 3)]
    found = judge_claim(CLAIM["text-accuracy"], {}, epochs).found
    assert "20.0 % (95 %: 18.0 to 22.0, 5 seeds) after 2 epochs" in found
