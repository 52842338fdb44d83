"""TFLMValidator: does the model fit its board, and what must the board answer?"""
