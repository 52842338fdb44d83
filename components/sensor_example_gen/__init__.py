"""SensorExampleGen: labelled sensor arrays in, TFX examples out. `dataset` needs numpy only."""
