"""A trained model as an ONNX file, for services without torch."""
