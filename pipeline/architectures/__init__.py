"""One module per architecture, each with `build(input_shape, classes, *, options) -> keras.Model`."""
