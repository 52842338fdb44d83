"""From a change to a run on Kubeflow, in one command that every CI system can call."""
