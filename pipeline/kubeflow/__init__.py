"""The pipeline on Kubeflow: compiled, checked, replayed, and run step by step in containers."""
