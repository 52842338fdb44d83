"""TFLMPusher: from a blessed model to the boards."""
