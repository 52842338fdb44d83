from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.conversion_report import FILE_NAME, ConversionReport
from edge_deployer.errors import Refused, TinyopsError
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
    assert report.float_figure == np.mean(floats.argmax(axis=1) == held_out.labels)
    assert report.int8_figure == np.mean(classes == held_out.labels)
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


def test_examples_of_another_type_than_the_model_takes(line) -> None:
    from components.examples import read_examples

    examples = line.artifact("SensorExampleGen", "examples")
    with pytest.raises(TinyopsError) as refused:
        read_examples(examples, "eval", feature="kind", label="kind", shape=(1,))
    assert "'kind' of the transformed examples is int64, not float32" in refused.value.message
    assert "tf.cast" in refused.value.remedy


def test_the_first_examples_alone(line) -> None:
    from components.examples import read_examples

    examples = line.artifact("SensorExampleGen", "examples")
    assert len(read_examples(examples, "train", feature="picture", label="kind", shape=(4, 4), limit=3)) == 3


STEPS, WIDTH = 3, 2


def exported(folder: Path, *layers: object, dtype: str = "float32"):
    """A Keras network over `STEPS` times `WIDTH` values, as `FloatModel` finds it."""
    import tensorflow as tf

    from components.tflite_converter.float_model import FloatModel

    tf.keras.utils.set_random_seed(0)
    network = tf.keras.Sequential([tf.keras.Input((STEPS, WIDTH), name="motion", dtype=dtype), *layers])
    network.export(str(folder), verbose=False)
    return FloatModel.load(str(folder))


def samples(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, STEPS, WIDTH)).astype(np.float32)


def recurrent(kind: str, *, unroll: bool) -> object:
    import tensorflow as tf

    layers = tf.keras.layers
    if kind == "Bidirectional":
        return layers.Bidirectional(layers.LSTM(2, unroll=unroll))
    return getattr(layers, kind)(2, unroll=unroll)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "Bidirectional"])
def test_a_recurrent_layer_is_refused_with_a_remedy_that_works(tmp_path: Path, kind: str) -> None:
    """What the remedy asks for converts; TFLM equals LiteRT to the bit, a newer one but for a few values."""
    import tensorflow as tf

    from components.tflite_converter.conversion import convert

    with pytest.raises(Refused) as refused:
        convert(exported(tmp_path / "loop", recurrent(kind, unroll=False)), samples(8))
    assert "tf.TensorListReserve at sequential" in refused.value.message
    assert "\n" not in refused.value.message
    assert "unroll=True" in refused.value.remedy

    model = convert(exported(tmp_path / "unrolled", recurrent(kind, unroll=True)), samples(8))
    with TflmRunner(model, arena_bytes=1 << 20) as runner:
        stored = quantize(samples(20), runner.input)
        off = np.abs(runner.run(stored).astype(int) - litert(model, stored))
    older = tuple(map(int, tf.__version__.split(".")[:2])) <= (2, 17)
    assert off.max() <= (0 if older else 2)
    assert np.count_nonzero(off) <= 0.05 * off.size


def litert(model: bytes, stored: np.ndarray) -> np.ndarray:
    """What TFLite's reference kernels answer, without the batch dimension."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(
        model_content=model,
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    (given,), (answered,) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for sample in stored:
        interpreter.set_tensor(given["index"], sample.reshape(given["shape"]))
        interpreter.invoke()
        answers.append(interpreter.get_tensor(answered["index"])[0])
    return np.stack(answers)


def test_an_operator_without_an_int8_form_is_named(tmp_path: Path) -> None:
    import tensorflow as tf

    from components.tflite_converter.conversion import convert

    with pytest.raises(Refused) as refused:
        convert(exported(tmp_path, tf.keras.layers.Dense(2, activation=tf.math.erf)), samples(8))
    assert "tf.Erf at sequential" in refused.value.message
    assert refused.value.remedy == "build the network without tf.Erf"


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16"])
def test_an_input_that_is_not_float32_is_refused(tmp_path: Path, dtype: str) -> None:
    import tensorflow as tf

    with pytest.raises(TinyopsError) as refused:
        exported(tmp_path, tf.keras.layers.Flatten(), dtype=dtype)
    assert f"'motion' is {dtype}, and the examples are float32" in refused.value.message
    assert "as float32" in refused.value.remedy


def test_indices_for_an_embedding_are_refused_with_a_remedy_that_works(tmp_path: Path) -> None:
    import tensorflow as tf

    from components.tflite_converter.conversion import convert

    layers = tf.keras.layers
    with pytest.raises(TinyopsError) as refused:
        exported(tmp_path / "indices", layers.Embedding(WIDTH, 4), dtype="int32")
    assert "one-hot vectors from preprocessing_fn, and use Dense(n, use_bias=False)" in refused.value.remedy
    model = convert(exported(tmp_path / "one-hot", layers.Dense(4, use_bias=False), layers.Flatten()), samples(8))
    assert {operator.name for operator in list_operators(model)} <= {"FULLY_CONNECTED", "RESHAPE"}


def test_a_model_that_fails_on_the_examples(tmp_path: Path) -> None:
    import tensorflow as tf

    source = exported(tmp_path, tf.keras.layers.Embedding(WIDTH, 4))
    with pytest.raises(TinyopsError, match="fails on the examples"):
        source.predict(np.full((1, STEPS, WIDTH), 7, np.float32))


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    from components.tflite_converter.float_model import FloatModel

    with pytest.raises(TinyopsError, match="run_fn left no SavedModel in") as refused:
        FloatModel.load(str(tmp_path))
    assert "model.export" in refused.value.remedy


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


def test_a_model_of_one_batch_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    from components.tflite_converter.float_model import FloatModel

    class Halved(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((8, 3), name="sound")])
        def serve(self, sound):
            return {"answer": sound / 2}

    module = Halved()
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.serve})
    with pytest.raises(TinyopsError, match="whose batch is not open"):
        FloatModel.load(str(tmp_path))


def test_a_model_with_two_outputs_is_refused(tmp_path: Path) -> None:
    from components.tflite_converter.float_model import FloatModel

    source = FloatModel.load(save(tmp_path, {"sound": (3,)}, outputs=2))
    with pytest.raises(TinyopsError, match="2 outputs"):
        source.predict(np.zeros((1, 3), np.float32))
