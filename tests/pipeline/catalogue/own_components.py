"""Components that another team has written with kfp. No step of these is run."""

from kfp import dsl


@dsl.container_component
def make(model: dsl.Output[dsl.Model], examples: dsl.Output[dsl.Dataset]):
    return dsl.ContainerSpec(image="registry.example.com/make:1", command=["make"], args=[model.path, examples.path])


@dsl.container_component
def use(model: dsl.Input[dsl.Model]):
    return dsl.ContainerSpec(image="registry.example.com/use:1", command=["use"], args=[model.path])
