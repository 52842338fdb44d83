"""From a project to the file that Kubeflow Pipelines runs."""
