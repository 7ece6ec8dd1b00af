"""A trained model as an ONNX file, for services that have no torch."""
