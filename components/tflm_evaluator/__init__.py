"""TFLMEvaluator: TFMA on the int8 model, run by the interpreter that the boards have."""
