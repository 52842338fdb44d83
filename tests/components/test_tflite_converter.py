from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.tflite_converter.report import FILE_NAME, ConversionReport
from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import quantize
from edge_deployer.tflm import TflmRunner, list_operators, tensor_specs


@pytest.fixture(scope="module")
def model(line) -> bytes:
    from components.tflite_model import read_tflite

    return read_tflite(line.artifact("TFLiteConverter", "int8_model"))


@pytest.fixture(scope="module")
def report(line) -> ConversionReport:
    return ConversionReport.model_validate_json((line.folder("TFLiteConverter", "int8_model") / FILE_NAME).read_text())


@pytest.fixture(scope="module")
def held_out(line):
    from components.examples import read_examples

    return read_examples(
        line.artifact("SensorExampleGen", "examples"), "eval", feature="picture", label="kind", shape=(4, 4, 1)
    )


def test_the_file_lies_where_tfma_looks_for_it(line) -> None:
    assert (line.folder("TFLiteConverter", "int8_model") / "Format-Serving" / "tflite").is_file()


def test_the_model_is_int8_and_takes_the_feature(model: bytes, report: ConversionReport) -> None:
    from components.tflite_model import input_feature

    given, answered = tensor_specs(model)
    assert (given.dtype, answered.dtype) == ("int8", "int8")
    assert given.shape == (1, 4, 4, 1)
    assert input_feature(model) == report.feature == "picture"
    assert (report.input.scale, report.input.zero_point) == (given.scale, given.zero_point)
    assert (report.output.scale, report.output.zero_point) == (answered.scale, answered.zero_point)


def test_no_shape_is_computed_at_run_time(model: bytes) -> None:
    assert not {"SHAPE", "STRIDED_SLICE", "PACK"} & {operator.name for operator in list_operators(model)}


def test_the_figures_are_those_of_the_two_models(line, model: bytes, report: ConversionReport, held_out) -> None:
    from components.tflite_converter.float_model import FloatModel

    floats = FloatModel.load(str(line.folder("Trainer", "model") / "Format-Serving")).predict(held_out.inputs)
    with TflmRunner(model, arena_bytes=1 << 20) as runner:
        classes = runner.run(quantize(held_out.inputs, runner.input)).argmax(axis=1)
    assert report.model_bytes == len(model)
    assert report.representative_examples == 50
    assert report.eval_examples == len(held_out)
    assert report.float_accuracy == np.mean(floats.argmax(axis=1) == held_out.labels)
    assert report.int8_accuracy == np.mean(classes == held_out.labels)
    assert report.agreement == np.mean(classes == floats.argmax(axis=1))
    assert report.refusal is None


def test_examples_come_in_the_same_order_every_time(held_out) -> None:
    keys = [sample.tobytes() for sample in held_out.inputs]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("feature", "shape", "said"),
    [("sound", (4, 4, 1), "no feature 'sound'; they have kind, person, picture"), ("picture", (5, 5), "16 values")],
)
def test_examples_that_do_not_fit_the_model(line, feature: str, shape: tuple[int, ...], said: str) -> None:
    from components.examples import read_examples

    examples = line.artifact("SensorExampleGen", "examples")
    with pytest.raises(TinyopsError) as refused:
        read_examples(examples, "eval", feature=feature, label="kind", shape=shape)
    assert said in refused.value.message


def save(folder: Path, inputs: dict[str, tuple], outputs: int = 1) -> str:
    """A SavedModel with these inputs, which gives their sum `outputs` times."""
    import tensorflow as tf

    @tf.function(input_signature=[{n: tf.TensorSpec((None, *s), tf.float32, name=n) for n, s in inputs.items()}])
    def serve(values):
        total = tf.add_n([tf.reduce_sum(value, axis=list(range(1, value.ndim))) for value in values.values()])
        return {f"answer{i}": total for i in range(outputs)}

    concrete = tf.function(lambda **values: serve(values)).get_concrete_function(
        **{n: tf.TensorSpec((None, *s), tf.float32, name=n) for n, s in inputs.items()}
    )
    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures={"serving_default": concrete})
    return str(folder)


def test_a_model_with_two_inputs_is_refused(tmp_path: Path) -> None:
    from components.tflite_converter.float_model import FloatModel

    with pytest.raises(TinyopsError, match="2 inputs: left, right"):
        FloatModel.load(save(tmp_path, {"left": (3,), "right": (3,)}))


def test_a_model_with_an_open_dimension_is_refused(tmp_path: Path) -> None:
    from components.tflite_converter.float_model import FloatModel

    with pytest.raises(TinyopsError, match="open shape"):
        FloatModel.load(save(tmp_path, {"sound": (None,)}))


def test_a_model_with_two_outputs_is_refused(tmp_path: Path) -> None:
    from components.tflite_converter.float_model import FloatModel

    source = FloatModel.load(save(tmp_path, {"sound": (3,)}, outputs=2))
    with pytest.raises(TinyopsError, match="2 outputs"):
        source.predict(np.zeros((1, 3), np.float32))
