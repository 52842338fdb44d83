"""The pipeline's components one by one, for pipelines that other teams write with kfp."""
