"""ProjectSchema: the schema that data must fit, the project's own or one that is inferred."""
