"""Whether an optional part of the installation is there, before any work is done."""

from importlib.util import find_spec

from fearec_cli.errors import ConfigError

# Extra of pyproject.toml -> modules it brings.
_EXTRAS = {
    "onnx": ("onnx", "onnxruntime", "onnxscript"),
    "ray": ("ray",),
    "report": ("altair", "vl_convert", "plotext"),
    "serve": ("starlette", "uvicorn"),
    "tune": ("optuna",),
}


def require(extra: str) -> None:
    """Check that an extra is installed.

    Raises:
        ConfigError: it is not.
    """
    missing = [module for module in _EXTRAS[extra] if find_spec(module) is None]
    if missing:
        raise ConfigError([f"this needs {', '.join(missing)}, not installed: pip install 'fearec[{extra}]'"])
