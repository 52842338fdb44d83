"""TFLiteConverter: a SavedModel and representative examples in, a pure int8 TFLite model out."""
