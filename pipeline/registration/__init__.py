"""Pipelines and their versions on a Kubeflow Pipelines API server, and as custom resources for GitOps."""
